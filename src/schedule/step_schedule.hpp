#pragma once

#include <vector>

#include "measure/phase.hpp"

namespace epsim {

/// Which of a rank's two workers does a task: the one that computes, or the one that communicates.
enum class Worker { compute, communication };

/// Phases in which ranks wait for each other are communication.
constexpr Worker worker_of(Phase phase) noexcept {
    return is_collective(phase) ? Worker::communication : Worker::compute;
}

/// One piece of work of a step: a phase of a layer, on one chunk of the tokens.
struct Task {
    Phase phase;
    int chunk;
    std::vector<int> after;  ///< tasks, by position, that must have ended before
    int layer = 0;           ///< counted from the schedule's first
};

/// What a rank does, as a DAG in a topological order: `layer` executes it, `predict` simulates it.
/// Each worker does its tasks in the order of the list, which is the same on every rank: so
/// collective tasks meet.
struct StepSchedule {
    std::vector<Task> tasks;
};

/// No overlap: gate, layout, counts, permute, dispatch, expert, combine, unpermute of a layer, one
/// after the other, the chunks one after the other.
/// \param one_pass of an exchange in whose dispatch and combine permute and unpermute happen: they
///                 are no tasks then
/// \param gated    a gate routes all tokens before any chunk begins, as the tasks of chunk 0
StepSchedule sequential_step(int chunks = 1, bool one_pass = false, bool gated = false);

/// One layer in a pipeline over its chunks: dispatch of chunk c + 1 and combine of chunk c - 1 go
/// on beside the experts of chunk c. The phases of a chunk depend on each other; chunks do not.
StepSchedule pipelined_step(int chunks, bool one_pass = false, bool gated = false);

/// All layers of a step in a pipeline over micro-batches, without a join between layers: one
/// communicates while another computes. A micro-batch enters a layer when it has left the one
/// before. Gates, which look at all tokens and may communicate, run before the pipeline.
StepSchedule micro_batched_step(int layers, int micro_batches, bool one_pass = false,
                                bool gated = false);

}  // namespace epsim
