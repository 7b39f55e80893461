#include "layer/moe_layer.hpp"

#include <algorithm>
#include <utility>

namespace epsim {

MoeLayer::MoeLayer(LayerSpec const& spec, Placement const& placement, Exchange& exchange,
                   ExpertKernel& experts, LocalNetworks* local, Injection injection)
    : spec_(spec),
      placement_(placement),
      exchange_(exchange),
      experts_(experts),
      local_(local),
      injection_(std::move(injection)),
      schedule_(sequential_step(exchange.one_pass())) {}

void MoeLayer::run(Phase phase, LayerId layer, RoutingBatch const& routing, BufferView tokens,
                   BufferView out, Stream& stream) {
    switch (phase) {
        case Phase::layout:
            resolve_replicas(routing, placement_, layer, slots_);
            plan_ = &planner_.plan(slots_, exchange_.route());
            break;
        case Phase::counts:
            exchange_.prepare(*plan_);
            break;
        case Phase::permute:
            exchange_.permute(tokens, stream);
            break;
        case Phase::dispatch:
            if (exchange_.one_pass()) exchange_.permute(tokens, stream);
            exchange_.dispatch(stream);
            break;
        case Phase::expert:
            run_experts(layer, tokens, stream);
            break;
        case Phase::combine:
            exchange_.combine(stream);
            if (exchange_.one_pass()) unpermute(out, stream);
            break;
        case Phase::unpermute:
            unpermute(out, stream);
            break;
        case Phase::gate:
        case Phase::rebalance:
            check(false, "the schedule has a phase that this layer does not run");
    }
}

void MoeLayer::unpermute(BufferView out, Stream& stream) {
    exchange_.unpermute(spec_.weighted_at_source() ? std::span<float const>(slots_.weight)
                                                   : std::span<float const>{},
                        out, stream);
    if (local_) local_->add_to(out);
}

void MoeLayer::run_experts(LayerId layer, BufferView tokens, Stream& stream) {
    received_ = exchange_.received(stream);
    int64_t most = 0;
    for (std::size_t s = 0; s + 1 < received_.slot_offset.size(); ++s)
        most = std::max(most, received_.slot_offset[s + 1] - received_.slot_offset[s]);
    // Grows only: in the timed passes everything is there since the passes before.
    experts_.prepare(most, static_cast<int64_t>(received_.row_index.size()));
    experts_.forward(index(layer), received_, exchange_.results(), stream);
    exchange_.merge(stream);
    if (local_) local_->forward(index(layer), tokens, stream);
}

}  // namespace epsim
