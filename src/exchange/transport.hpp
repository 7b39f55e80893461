#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/ids.hpp"

namespace epsim {

/// The library calls under an all-to-all exchange: what differs between MPI and one process.
/// Every call is collective.
class Transport {
public:
    virtual ~Transport() = default;
    virtual int ranks() const = 0;

    /// receive[s] on rank r = send[r] on rank s. Both [R].
    virtual void all_to_all(std::span<int32_t const> send, std::span<int32_t> receive) = 0;

    /// Rows [send_offset[r], send_offset[r + 1]) of `send` go to rank r and arrive there, after the
    /// rows of lower ranks, at receive_offset[s] of `receive`. Offsets: [R + 1] prefix sums, rows.
    virtual void all_to_all_rows(std::byte const* send, std::span<int64_t const> send_offset,
                                 std::byte* receive, std::span<int64_t const> receive_offset,
                                 int64_t row_bytes) = 0;
};

}  // namespace epsim
