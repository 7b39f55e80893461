#pragma once

#include <functional>
#include <span>
#include <vector>

#include "placement/options.hpp"
#include "placement/strategy.hpp"

namespace epsim {

/// Which placement each step of a run has: a function of loads alone, so that every rank knows it.
class PlacementTimeline {
public:
    /// A new placement was decided on before a step.
    struct Decision {
        int step;
        double before, after;  ///< balancedness of the window's loads in the old and new placement
        double seconds;        ///< that planning took; this rank's
    };

    explicit PlacementTimeline(Placement first) : version_{std::move(first)} {}

    int steps() const noexcept { return static_cast<int>(version_of_.size()); }
    /// [V] at least one
    std::span<Placement const> versions() const noexcept { return version_; }
    /// [S] into versions(), ascending.
    std::span<int const> version_of() const noexcept { return version_of_; }
    Placement const& first() const noexcept { return version_.front(); }
    Placement const& at(int step) const {
        return version_[static_cast<std::size_t>(version_of_.at(static_cast<std::size_t>(step)))];
    }
    std::span<Decision const> decisions() const noexcept { return decision_; }

private:
    friend class RebalancePlanner;
    std::vector<Placement> version_;
    std::vector<int> version_of_;
    std::vector<Decision> decision_;
};

/// [L, E] assignments of a step.
using LoadsOfStep = std::function<Array<double, 2>(int step)>;

/// Before step options.first and every options.interval steps from it: if the loads of the last
/// options.window steps are balanced worse than options.threshold, plan by options.strategy on
/// them. Of the layers that change, options.layers_per_step do before each step from then on; with
/// RebalanceMode::async their weights travel during that step and they change before the next.
/// No new plan is made before the last is done.
///
/// Ranks of a node swap what they are to hold, and slots of a rank too, so that fewer weights move
/// (where the strategy does not look at ranks' own tokens).
/// \param loads   asked for each step once, ascending
/// \param problem what strategies are given beside loads; problem.load is not read
/// \throws InputError if the strategy is not possible
PlacementTimeline plan_rebalancing(RebalanceOptions const& options, Placement first, int steps,
                                   LoadsOfStep const& loads, PlacementProblem problem);

/// Mean over ranks / max over ranks of the load, sums over layers; each expert's load is spread
/// equally over its replicas. \param load [L, E]
double balancedness(Placement const& placement, Array<double, 2> const& load);

/// One expert's weights go from a slot that holds it to one that shall.
struct WeightMove {
    int layer;
    SlotId source, destination;
    bool operator==(WeightMove const&) const = default;
};

/// What must move for `to` to follow `from`, by layer and destination. Sources are on the
/// destination's rank, else its node, else anywhere; of several the rank that sends least so far.
/// \param from, to of the same slots and layers
std::vector<WeightMove> moves_between(Placement const& from, Placement const& to,
                                      ClusterTopology const& topology);

}  // namespace epsim
