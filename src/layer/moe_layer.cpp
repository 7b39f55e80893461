#include "layer/moe_layer.hpp"

#include <algorithm>
#include <utility>

namespace epsim {
namespace {

/// A range of a buffer's rows.
BufferView rows_of(BufferView rows, TokenRange range) {
    return {rows.row(range.begin), rows.type, range.size(), rows.width, rows.device};
}

}  // namespace

MoeLayer::MoeLayer(LayerSpec const& spec, ReplicaChooser& replicas,
                   std::span<Exchange* const> exchanges, ExpertKernel& experts,
                   LocalNetworks* local, Overlap overlap, Injection injection, LayerGate* gate)
    : spec_(spec),
      replicas_(replicas),
      experts_(experts),
      local_(local),
      overlap_(overlap),
      injection_(std::move(injection)),
      gate_(gate),
      sequential_(sequential_step(overlap.parts(), exchanges.front()->one_pass(), gate != nullptr)),
      overlapping_(
          overlap.micro_batches > 1
              ? micro_batched_step(spec.layers, overlap.micro_batches,
                                   exchanges.front()->one_pass(), gate != nullptr)
              : pipelined_step(overlap.chunks, exchanges.front()->one_pass(), gate != nullptr)),
      executor_(overlap.thread && overlap.any()) {
    check(std::ssize(exchanges) == overlap.parts(), "every part has an exchange of its own");
    for (Exchange* exchange : exchanges) parts_.push_back({*exchange});
}

void MoeLayer::forward(Step const& step, PhaseRecorder& recorder, Stream& stream,
                       AfterPart const& after) {
    if (!overlap_.any()) return forward_in_sequence(step, recorder, stream, after);
    if (crosses_layers())
        return executor_.run(overlapping_, [&](Task const& task) {
            run_timed(task, task.layer, step, recorder, stream, after);
        });
    for (int l = 0; l < spec_.layers; ++l)
        executor_.run(overlapping_,
                      [&](Task const& task) { run_timed(task, l, step, recorder, stream, after); });
}

void MoeLayer::forward_in_sequence(Step const& step, PhaseRecorder& recorder, Stream& stream,
                                   AfterPart const& after) {
    for (int l = 0; l < spec_.layers; ++l) {
        if (overlap_.any()) {
            for (Task const& task : sequential_.tasks)
                run_timed(task, l, step, recorder, stream, after);
        } else {
            forward(LayerId{l}, step.routing[static_cast<std::size_t>(l)], step.tokens, step.out,
                    recorder, stream);
            after(l, parts_.front(), true);
        }
    }
}

void MoeLayer::run_timed(Task const& task, int layer, Step const& step, PhaseRecorder& recorder,
                         Stream& stream, AfterPart const& after) {
    bool const first = task.chunk == 0, last = task.chunk + 1 == overlap_.parts();
    if (first) injection_.hold_up(task.phase);
    recorder.time_chunk(layer, task.phase, task.chunk, [&] {
        injection_.run(
            task.phase,
            [&] {
                run(task, layer, step.routing[static_cast<std::size_t>(layer)], step.tokens,
                    step.out, stream);
            },
            first);
    });
    if (task.phase == sequential_.tasks.back().phase)
        after(layer, parts_[static_cast<std::size_t>(task.chunk)], last);
}

void MoeLayer::run(Task const& task, int layer, RoutingBatch const& routing, BufferView tokens,
                   BufferView out, Stream& stream) {
    auto& part = parts_[static_cast<std::size_t>(task.chunk)];
    auto const range = part_of(tokens.rows, task.chunk, overlap_.parts());
    switch (task.phase) {
        case Phase::gate:
            gate_->run(layer);
            break;
        case Phase::layout:
            check(routing.tokens() == tokens.rows && out.rows == tokens.rows,
                  "routing, tokens and outputs speak of the same tokens");
            replicas_.choose(routing, range, LayerId{layer}, part.slots);
            part.plan = &part.planner.plan(part.slots, part.exchange.route());
            break;
        case Phase::counts:
            part.exchange.prepare(*part.plan);
            break;
        case Phase::permute:
            part.exchange.permute(rows_of(tokens, range), stream);
            break;
        case Phase::dispatch:
            if (part.exchange.one_pass()) part.exchange.permute(rows_of(tokens, range), stream);
            part.exchange.dispatch(stream);
            break;
        case Phase::expert:
            run_experts(task, layer, rows_of(tokens, range), stream);
            break;
        case Phase::combine:
            part.exchange.combine(stream);
            if (part.exchange.one_pass()) unpermute(part, task.chunk, rows_of(out, range), stream);
            break;
        case Phase::unpermute:
            unpermute(part, task.chunk, rows_of(out, range), stream);
            break;
        case Phase::rebalance:
            check(false, "the schedule has a phase that this layer does not run");
    }
    stream.synchronise();  // a phase ends when its work is done, wherever that is
}

void MoeLayer::unpermute(Part& part, int chunk, BufferView out, Stream& stream) {
    part.exchange.unpermute(spec_.weighted_at_source() ? std::span<float const>(part.slots.weight)
                                                       : std::span<float const>{},
                            out, stream);
    if (local_) local_->add_to(out, stream, chunk);
}

void MoeLayer::run_experts(Task const& task, int layer, BufferView tokens, Stream& stream) {
    auto& part = parts_[static_cast<std::size_t>(task.chunk)];
    auto& received = part.received;
    received = part.exchange.received(stream);
    int64_t most = 0;
    for (std::size_t s = 0; s + 1 < received.slot_offset.size(); ++s)
        most = std::max(most, received.slot_offset[s + 1] - received.slot_offset[s]);
    // Grows only: in the timed passes everything is there since the passes before.
    experts_.prepare(most, static_cast<int64_t>(received.row_index.size()));
    experts_.forward(layer, received, part.exchange.results(), stream);
    part.exchange.merge(stream);
    if (local_) local_->forward(layer, tokens, stream, task.chunk);
}

}  // namespace epsim
