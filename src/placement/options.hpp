#pragma once

#include <array>
#include <string>
#include <string_view>

#include "placement/replica_choice.hpp"
#include "placement/strategy.hpp"

namespace epsim {

/// How weights travel to where a new placement wants them.
enum class RebalanceMode {
    stop,  ///< before the step, which waits
    async  ///< while the step before computes; the step waits for what has not arrived
};
template <>
inline constexpr std::array<std::string_view, 2> enum_names<RebalanceMode>{"stop", "async"};

/// [placement.rebalance]
struct RebalanceOptions {
    std::string preset = "none";  ///< of a serving system, for what is not set
    int interval = 0;             ///< steps between decisions; 0 = never any
    int first = 0;                ///< step of the first decision; 0 = interval
    int window = 0;               ///< steps whose loads are looked at; 0 = interval
    double threshold = 1;         ///< balancedness above which nothing changes
    int layers_per_step = 0;      ///< that change at once; 0 = all
    RebalanceMode mode = RebalanceMode::stop;
    Strategy strategy = Strategy::eplb;

    bool any() const noexcept { return interval > 0; }
    int window_steps() const noexcept { return window > 0 ? window : interval; }
    bool decides_before(int step) const noexcept {
        int const begin = first > 0 ? first : interval;
        return step >= begin && (step - begin) % interval == 0;
    }
};

/// [placement]
struct PlacementOptions {
    Strategy strategy = Strategy::linear;
    std::string file;         ///< a placement file; empty = by strategy
    int redundant_slots = 0;  ///< beside one an expert, over all ranks
    ReplicaChoice replica_choice = ReplicaChoice::round_robin;
    RebalanceOptions rebalance = {};
};

}  // namespace epsim
