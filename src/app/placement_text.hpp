#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "placement/figures.hpp"
#include "report/text_style.hpp"
#include "store/placement_file.hpp"

namespace epsim {

/// What turns assignments into bytes; 0 = not known.
struct PlacementUnits {
    double row_bytes = 0;     ///< of a (token, expert) row, there and back
    double expert_bytes = 0;  ///< of one expert's weights
};

/// A placement under a load.
struct JudgedPlacement {
    std::string name;
    NamedPlacement named;
    std::vector<LayerLoads> loads;  ///< [L]
};

/// Side by side: balancedness, max / mean, what leaves ranks and nodes, slots and memory.
std::string placement_table(std::vector<JudgedPlacement> const& judged, PlacementUnits const& units,
                            TextStyle const& style);
/// The same with every layer, and every rank's load in it.
nlohmann::ordered_json placement_json(std::vector<JudgedPlacement> const& judged,
                                      PlacementUnits const& units);

}  // namespace epsim
