#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "trace/routing_counts.hpp"

namespace epsim {

/// Counts that a recording gives piece by piece.
class CountPieces {
public:
    explicit CountPieces(int num_experts) : num_experts_(num_experts) {}

    /// Counts of experts first, first + 1, .. are added to those that are there.
    /// \throws InputError on a count below 0 or beyond reason, or an expert that the layer lacks
    void add(int64_t step, int64_t source, int64_t layer, std::span<int64_t const> counts,
             int64_t first = 0);

    /// Steps and layers in the order of their numbers; what is missing is 0. Dense layers and empty
    /// steps go. \throws InputError if nothing is left, or nearly everything is missing
    RoutingCounts join(std::optional<int> top_k = {}) const;

private:
    struct Key {
        int64_t step, source, layer;
        auto operator<=>(Key const&) const = default;
    };
    int num_experts_;
    std::map<Key, std::vector<int64_t>> row_;
};

}  // namespace epsim
