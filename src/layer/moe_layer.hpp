#pragma once

#include "exchange/exchange.hpp"
#include "layer/injection.hpp"
#include "layer/layer_spec.hpp"
#include "layer/local_networks.hpp"
#include "measure/phase_recorder.hpp"
#include "placement/placement.hpp"
#include "schedule/step_schedule.hpp"

namespace epsim {

/// One rank's part of Mixture-of-Experts layers: executes a StepSchedule with an exchange and a
/// kernel. Memory is reused from call to call: once warm it allocates nothing.
class MoeLayer {
public:
    /// \param local networks beside the routed experts; nullptr = none
    /// All references must outlive it.
    MoeLayer(LayerSpec const& spec, Placement const& placement, Exchange& exchange,
             ExpertKernel& experts, LocalNetworks* local, Injection injection = {});

    /// One layer of one step. Collective. Each task of the schedule is one interval of `recorder`.
    /// \param routing of this rank's tokens   \param tokens [T, hidden], model type
    /// \param out     [T, hidden], model type
    /// \tparam Recorder PhaseRecorder, or what stands for it where stamps are not wanted
    template <class Recorder>
    void forward(LayerId layer, RoutingBatch const& routing, BufferView tokens, BufferView out,
                 Recorder& recorder, Stream& stream) {
        check(routing.tokens() == tokens.rows && out.rows == tokens.rows,
              "routing, tokens and outputs speak of the same tokens");
        recorder.begin_layer(index(layer));
        for (Task const& task : schedule_.tasks) {
            if (injection_.hold_up(task.phase)) recorder.skip();
            recorder.time(task.phase, [&] {
                injection_.run(task.phase,
                               [&] { run(task.phase, layer, routing, tokens, out, stream); });
            });
        }
    }

    /// What the last forward sent and received.
    SlotRouting const& slots() const noexcept { return slots_; }
    DispatchPlan const& plan() const noexcept { return *plan_; }
    GroupedRows const& received() const noexcept { return received_; }

private:
    void run(Phase phase, LayerId layer, RoutingBatch const& routing, BufferView tokens,
             BufferView out, Stream& stream);
    void unpermute(BufferView out, Stream& stream);
    void run_experts(LayerId layer, BufferView tokens, Stream& stream);

    LayerSpec spec_;
    Placement const& placement_;
    Exchange& exchange_;
    ExpertKernel& experts_;
    LocalNetworks* local_;
    Injection injection_;
    StepSchedule schedule_;
    SlotRouting slots_;
    DispatchPlanner planner_;
    DispatchPlan const* plan_ = nullptr;
    GroupedRows received_;
};

}  // namespace epsim
