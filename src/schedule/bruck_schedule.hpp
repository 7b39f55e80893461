#pragma once

#include <span>
#include <vector>

#include "schedule/exchange_schedule.hpp"

namespace epsim {

/// One round of Bruck's all-to-all: every rank hands its blocks of these distances to the rank
/// `distance` further on.
struct BruckRound {
    int distance;             ///< 2^k in round k
    std::vector<int> blocks;  ///< distances d, ascending, that have bit k
    int stay;                 ///< the first so many have then arrived (d < 2^(k + 1))

    std::span<int const> staying() const { return std::span(blocks).first(size()); }
    std::span<int const> travelling() const { return std::span(blocks).subspan(size()); }
    /// In front of the rows: the number of rows (int32) of each block that travels on.
    int64_t header_bytes() const {
        return static_cast<int64_t>(travelling().size() * sizeof(int32_t));
    }

private:
    std::size_t size() const { return static_cast<std::size_t>(stay); }
};

/// ceil(log2(ranks)) rounds; none for one rank.
std::vector<BruckRound> bruck_rounds(int ranks);

/// Store and forward (Bruck et al., "Efficient algorithms for all-to-all communications in
/// multiport message-passing systems", IEEE Trans. Parallel Distrib. Syst. 8(11), 1997, section 3,
/// radix 2), here for blocks of uneven sizes and any number of ranks: the block for the rank d
/// further on moves by the powers of two that d is the sum of, the smallest first. ceil(log2 R)
/// messages a rank instead of R - 1; a row travels up to log2 R times.
///
/// Bytes of a message are its rows and its header, which is neither payload nor metadata: wire
/// alone counts it. A round with a header has a message from every rank, one without (always the
/// last) only where there are rows. Own rows stand in the first round.
ExchangeSchedule bruck_schedule(Array<int64_t, 2> const& bytes);

}  // namespace epsim
