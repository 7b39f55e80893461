#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "measure/run_record.hpp"

namespace epsim {

/// A message is slow if it takes more than this many times the typical time of its class of link,
inline constexpr double slow_factor = 2;
/// and this much longer: differences inside a host, between sockets or caches, are none of health.
inline constexpr double slow_excess_s = 2e-6;
/// A rank is sick if this share of its pairs is slow. Of a healthy one half can be, at most.
inline constexpr double sick_share = 0.75;

/// Times over pairs of one class of link, s.
struct TypicalLink {
    std::string_view name;        ///< "node" or "network"
    int64_t pairs = 0;            ///< that were measured
    std::vector<double> seconds;  ///< [Z] of a typical pair: what the slow ones are compared with
};

/// A rank most of whose pairs are slow.
struct SickRank {
    int64_t rank;
    std::string_view links;  ///< which of its pairs: "all", or those of one class
    int64_t slow, pairs;     ///< those that no rank named before accounts for
    double ratio;            ///< median over the slow ones of time / typical time, the worst size
};

/// A pair that is slow though neither of its ranks is sick; first < second.
struct SickLink {
    int64_t first, second;
    double ratio;  ///< time / typical time, the worst size and direction
};

/// What a map of pairs says. Both lists worst first.
struct LinkHealth {
    std::vector<TypicalLink> typical;  ///< of the classes that have pairs
    std::vector<SickRank> ranks;
    std::vector<SickLink> links;
    Array<double, 2> ratio;  ///< [R, R] time / typical time of a pair, the worst size and
                             ///< direction; 1 = no slower by slow_excess_s; NaN = not measured
    bool healthy() const { return ranks.empty() && links.empty(); }
};

/// Name who is slow. The typical time is the median over ranks of each rank's median over its
/// pairs of the class, the lower one of two middle values each time: up to half of the ranks, the
/// others the majority, may be sick. The rank with the most slow pairs is named first, and accounts
/// for them; then the next, as long as sick_share of a rank's remaining pairs, all or those of a
/// class and at least two, are slow. What is slow then are single links.
/// \param seconds [Z, source, destination] one message; NaN = not measured, as to itself
/// \param node    [R] ranks with the same number share one
LinkHealth diagnose_links(Array<double, 3> const& seconds, std::span<int32_t const> node);

/// [R] node of each rank.
std::vector<int32_t> nodes_of_ranks(RunRecord const& record);

/// Whether `link_seconds` is all that was measured: by its tag.
bool is_pair_map(RunRecord const& record);

}  // namespace epsim
