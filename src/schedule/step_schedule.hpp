#pragma once

#include <vector>

#include "measure/phase.hpp"

namespace epsim {

/// One piece of work of a layer's step: a phase, on one chunk of the tokens.
struct Task {
    Phase phase;
    int chunk;
    std::vector<int> after;  ///< tasks, by position, that must have ended before
};

/// What a layer does in one step, as a DAG in a topological order: `layer` executes it, `predict`
/// simulates it.
struct StepSchedule {
    std::vector<Task> tasks;
};

/// No overlap: layout, counts, permute, dispatch, expert, combine, unpermute, one after the other.
/// \param one_pass of an exchange in whose dispatch and combine permute and unpermute happen
StepSchedule sequential_step(bool one_pass = false);

}  // namespace epsim
