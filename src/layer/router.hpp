#pragma once

#include <memory>
#include <span>
#include <vector>

#include "comm/communicator.hpp"
#include "gate/health.hpp"
#include "layer/layer_gate.hpp"
#include "layer/logit_maker.hpp"
#include "layer/replay_case.hpp"
#include "trace/npy_array.hpp"

namespace epsim {

/// Runs the gate of each layer, applies capacity, and remembers what the next step's bias is. Its
/// routing is the same whatever the number of ranks.
class Router final : public LayerGate {
public:
    /// \throws InputError if routing.logits is a file that does not fit
    Router(ReplayCase const& replay, Communicator const& comm);

    /// Add to an input what routing needs beside token vectors. Collective.
    /// \throws CollectiveError on bad data in the trace or in a file of logits
    void load(StepInput& input) const;

    /// The step whose layers run() routes. \param x [T, hidden] token vectors; both must outlive it
    void begin_step(StepInput& input, BufferView x);
    /// Fills routing[layer] of the begun step. Steps must be run in ascending order once before
    /// they are run in any other: a bias depends on the steps before. Collective.
    void run(int layer) override;

    /// What run() did with a layer; kept from when it is first asked for (it costs time).
    struct Outcome {
        RoutingSums sums;              ///< of this rank's tokens
        std::vector<int64_t> dropped;  ///< [experts, sources]
        double dropped_weight = 0;
        int64_t rerouted = 0;
        double capacity = 0;  ///< of all experts; NaN = without limit
    };
    void keep_outcomes(bool keep) { keep_ = keep; }
    Outcome const& outcome(int layer) const { return outcome_[static_cast<std::size_t>(layer)]; }

private:
    GateRule const& rule() const { return replay_.router.gate; }
    std::vector<float> read_logits(int layer, StepInput const& input) const;
    Logits make_logits(int layer);
    RoutingBatch choose(int layer, Logits const& logits);
    void learn_bias(int layer, RoutingBatch const& chosen);
    std::span<float> bias(int step, int layer);

    ReplayCase const& replay_;
    Communicator const& comm_;
    SumOverRanks over_ranks_, over_sources_;
    std::vector<std::unique_ptr<NpyArray>> file_;  // [layers], or one for all; empty = none
    std::unique_ptr<LogitMaker> maker_;            // of logits from hidden vectors
    std::vector<float> bias_;                      // [steps + 1, layers, experts]
    StepInput* input_ = nullptr;
    BufferView x_{};
    std::vector<float> logits_, noise_;  // [T, experts] of the layer that runs
    bool keep_ = false;
    std::vector<Outcome> outcome_;  // [layers]
};

}  // namespace epsim
