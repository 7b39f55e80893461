#pragma once

#include <string>
#include <vector>

#include "measure/run_record.hpp"

namespace epsim {

/// Something that must hold of every result, whatever ran.
struct Finding {
    std::string rule;  ///< what holds, or should
    std::string
        violation;  ///< what differs and by how much, where it first does; empty if it holds
};

/// Check that the numbers of a run are whole: no token, row or byte comes from nowhere or is
/// lost.
/// Definitions: README, "Bytes". If a number is absurd by itself, that is the only finding.
std::vector<Finding> check_conservation(RunRecord const& record);

}  // namespace epsim
