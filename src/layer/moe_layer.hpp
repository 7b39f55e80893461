#pragma once

#include <functional>
#include <span>
#include <vector>

#include "exchange/exchange.hpp"
#include "layer/injection.hpp"
#include "layer/layer_gate.hpp"
#include "layer/layer_spec.hpp"
#include "layer/local_networks.hpp"
#include "layer/overlap.hpp"
#include "layer/task_executor.hpp"
#include "measure/phase_recorder.hpp"
#include "placement/replica_choice.hpp"
#include "schedule/step_schedule.hpp"

namespace epsim {

/// One rank's part of Mixture-of-Experts layers: executes a StepSchedule with exchanges and a
/// kernel. Memory is reused from call to call: once warm it allocates nothing.
class MoeLayer {
public:
    /// One part of a layer's tokens, and what the last forward of it sent and received.
    struct Part {
        Exchange& exchange;
        SlotRouting slots = {};
        DispatchPlanner planner = {};
        DispatchPlan const* plan = nullptr;
        GroupedRows received = {};
    };
    /// One step's input and output on this rank.
    struct Step {
        std::span<RoutingBatch const> routing;  ///< [layers]
        BufferView tokens;                      ///< [T, hidden], model type
        BufferView out;                         ///< [T, hidden], of one layer after the other
    };
    /// Called after a part has left a layer, on the thread of its last task, before it enters the
    /// next; must not communicate where parts cross layers.
    using AfterPart = std::function<void(int layer, Part const& part, bool last)>;

    /// \param replicas of this rank's tokens   \param exchanges [overlap.parts()]
    /// \param local networks beside the routed experts; nullptr = none
    /// \param gate  makes each step's routing while it runs; nullptr = the routing is there
    /// All references must outlive it.
    MoeLayer(LayerSpec const& spec, ReplicaChooser& replicas, std::span<Exchange* const> exchanges,
             ExpertKernel& experts, LocalNetworks* local, Overlap overlap = {},
             Injection injection = {}, LayerGate* gate = nullptr);

    /// One layer of one step, all tokens as one part. Collective. Each task of the schedule is one
    /// interval of `recorder`.
    /// \param routing of this rank's tokens   \param tokens [T, hidden], model type
    /// \param out     [T, hidden], model type
    /// \tparam Recorder PhaseRecorder, or what stands for it where stamps are not wanted
    template <class Recorder>
    void forward(LayerId layer, RoutingBatch const& routing, BufferView tokens, BufferView out,
                 Recorder& recorder, Stream& stream) {
        recorder.begin_layer(index(layer));
        for (Task const& task : sequential_.tasks) {
            if (injection_.hold_up(task.phase)) recorder.skip();
            recorder.time(task.phase, [&] {
                injection_.run(task.phase,
                               [&] { run(task, index(layer), routing, tokens, out, stream); });
            });
        }
    }

    /// All layers of one step, by the schedule that overlaps if there are several parts.
    /// Collective.
    void forward(Step const& step, PhaseRecorder& recorder, Stream& stream, AfterPart const& after);
    /// The same tasks one after the other, on this thread.
    void forward_in_sequence(Step const& step, PhaseRecorder& recorder, Stream& stream,
                             AfterPart const& after);

    /// Whether a part may enter a layer before all parts have left the one before.
    bool crosses_layers() const noexcept { return overlap_.micro_batches > 1; }

private:
    void run_timed(Task const& task, int layer, Step const& step, PhaseRecorder& recorder,
                   Stream& stream, AfterPart const& after);
    void run(Task const& task, int layer, RoutingBatch const& routing, BufferView tokens,
             BufferView out, Stream& stream);
    void unpermute(Part& part, int chunk, BufferView out, Stream& stream);
    void run_experts(Task const& task, int layer, BufferView tokens, Stream& stream);

    LayerSpec spec_;
    ReplicaChooser& replicas_;
    ExpertKernel& experts_;
    LocalNetworks* local_;
    Overlap overlap_;
    Injection injection_;
    LayerGate* gate_;
    StepSchedule sequential_, overlapping_;  // overlapping_: of one layer, or of all
    std::vector<Part> parts_;
    TaskExecutor executor_;
};

}  // namespace epsim
