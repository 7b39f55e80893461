#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/placement_text.hpp"
#include "placement/rebalance.hpp"

namespace epsim {

/// A policy of rebalancing under loads that drift, without a run.
struct Drift {
    std::string policy;
    int decisions = 0;
    /// [S] sum over layers of ranks' mean load / the same of their maximum.
    std::vector<double> balancedness = {};
    double average = 0;                 ///< the same over all steps: it weighs them by their loads
    int64_t moves = 0, rank_moves = 0;  ///< experts that change slots; that leave their rank
};

/// "static", or settings of placement.rebalance: "interval=10,threshold=0.8", "preset=vllm".
/// \throws InputError
RebalanceOptions rebalance_policy(std::string const& text);

/// \param first the placement of step 0   \param steps [S] of [L, E] assignments
/// \param problem as for plan_rebalancing
Drift drift_under(std::string policy, Placement const& first,
                  std::vector<Array<double, 2>> const& steps, PlacementProblem const& problem);
/// What each step's own loads would have given, planned on them.
Drift drift_in_hindsight(Strategy strategy, std::vector<Array<double, 2>> const& steps,
                         PlacementProblem const& problem);

std::string drift_table(std::vector<Drift> const& drifts, PlacementUnits const& units,
                        TextStyle const& style);
nlohmann::ordered_json drift_json(std::vector<Drift> const& drifts, PlacementUnits const& units);

}  // namespace epsim
