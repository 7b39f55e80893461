#pragma once

#include "exchange/mpi/mpi_exchange.hpp"
#include "layer/pair_capacity.hpp"
#include "layer/replay.hpp"
#include "support/random_routing.hpp"

namespace epsim::test {

/// Everything a small replay needs on one rank of a communicator.
struct SmallReplay {
    SmallReplay(LayerSpec const& s, MemorySource const& from, Communicator const& over)
        : spec(s), source(from), comm(over) {
        measure.min_passes = 2;
        measure.verify = "full";
    }

    LayerSpec spec;
    MemorySource const& source;
    Communicator const& comm;
    MeasureOptions measure;
    std::string kernel = "reference", algorithm = "alltoallv";
    InjectOptions inject;
    Calibration calibration;
    Overlap overlap;
    double emulate_us = 0;
    int64_t capacity = 0;  ///< of padded
    int redundant_slots = 0;
    ReplicaChoice replica_choice = ReplicaChoice::round_robin;
    RebalanceOptions rebalance;
    std::function<bool()> interrupted;
    Heartbeat* heartbeat = nullptr;
    Clock const* clock = nullptr;   ///< nullptr = the host's
    std::vector<int> clock_domain;  ///< empty = by host

    PlacementProblem problem() const {
        int const experts = source.info().num_experts;
        return {Array<double, 2>({spec.layers, experts}),
                even_slots(comm.size(), experts + redundant_slots), topology()};
    }
    ClusterTopology topology() const { return ClusterTopology::blocks(comm.size(), 2); }
    Placement placement() const { return make_placement(Strategy::linear, problem()); }
    /// As placement.rebalance of a run would have it.
    PlacementTimeline timeline() const {
        auto const loads = [&](int step) {
            Array<double, 2> load({spec.layers, source.info().num_experts});
            for (int l = 0; l < spec.layers; ++l)
                for (ExpertId const e : source.batch(step, l).expert)
                    if (e != no_expert) ++load(l, index(e));
            return load;
        };
        return plan_rebalancing(rebalance, placement(), static_cast<int>(source.info().steps()),
                                loads, problem());
    }
    /// \param wrap_exchange, wrap_experts  put something between (a planted fault)
    template <class WrapExchange, class WrapExperts>
    RunRecord run(WrapExchange&& wrap_exchange, WrapExperts&& wrap_experts) const {
        auto const placed = placement();
        auto const topology = this->topology();
        std::vector<Communicator> channels;
        std::vector<std::unique_ptr<Exchange>> exchanges;
        std::vector<Exchange*> parts;
        for (int part = 0; part < overlap.parts(); ++part)
            channels.push_back(Communicator::duplicate(comm.native()));
        std::vector<LayerId> layers;
        for (int l = 0; l < spec.layers; ++l) layers.push_back(LayerId{l});
        ReplayCase small{spec,      source,  layers, Assign::contiguous, placed,  topology,
                         algorithm, measure, inject, calibration,        overlap, emulate_us,
                         {}};
        std::optional<PlacementTimeline> changing;
        if (rebalance.any()) small.timeline = &changing.emplace(timeline());
        small.rebalance_mode = rebalance.mode;
        small.replica_choice = replica_choice;
        if (algorithm == "padded") small.capacity = pair_capacity(small, comm, capacity);
        auto shape = exchange_shape(spec, placed, comm.rank());
        shape.capacity = small.capacity;
        for (auto const& channel : channels) {
            exchanges.push_back(wrap_exchange(
                make_mpi_exchange(channel, algorithm, placed, topology, spec.dedup, shape)));
            parts.push_back(exchanges.back().get());
        }
        std::vector<std::vector<WeightKey>> keys;
        for (int l = 0; l < spec.layers; ++l) {
            auto& layer = keys.emplace_back();
            for (ExpertId const e : placed.experts_of(LayerId{l}, comm.rank()))
                layer.push_back({WeightKey::Role::routed, spec.weights_layer(l), index(e)});
        }
        auto experts = wrap_experts(make_expert_kernel(kernel, spec.routed(), spec.seed, keys, 1));
        LocalNetworks local(spec, kernel, 1);
        MonotonicClock const host_clock;
        return replay(small, comm,
                      {parts,
                       *experts,
                       local,
                       clock ? *clock : host_clock,
                       {},
                       interrupted,
                       heartbeat,
                       nullptr,
                       false,
                       clock_domain});
    }
    RunRecord run() const {
        auto const same = [](auto p) { return p; };
        return run(same, same);
    }
};

inline LayerSpec small_spec(MemorySource const& source, DType type) {
    LayerSpec spec;
    spec.shape.hidden = 24;
    spec.shape.num_experts = source.info().num_experts;
    spec.shape.top_k = source.info().top_k;
    spec.shape.expert_intermediate = 17;
    spec.dtype = spec.wire_dtype = spec.combine_dtype = type;
    spec.layers = static_cast<int>(source.info().layer.size());
    return spec;
}

}  // namespace epsim::test
