#include "layer/phase_bounds.hpp"

#include <algorithm>
#include <map>

#include "comm/mpi_session.hpp"
#include "device/device_query.hpp"
#include "dispatch/distinct_rows.hpp"
#include "model/formulas.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

double host_cache_bytes(Communicator const& comm) {
    double const mine = query_host().cache_bytes;
    double const least = comm.all_min(mine), most = comm.all_max(mine);
    return least > 0 ? most : 0;
}

PhaseBounds::PhaseBounds(ReplayCase const& replay, Communicator const& comm)
    : replay_(replay),
      comm_(comm),
      active_(comm.all_max(int64_t{!replay.calibration.empty()}) > 0),
      counts_({replay.spec.layers, comm.size() + replay.topology.nodes() + 4}),
      slot_is_active_(
          {replay.spec.layers, std::ssize(replay.placement.experts_of(LayerId{0}, comm.rank()))}) {
    if (!active_) return;
    double const cache = host_cache_bytes(comm);
    on_all_ranks(comm, [&] {
        if (comm.is_root())
            limits_ = std::make_unique<MachineLimits>(replay.topology, replay.calibration, cache);
    });
}

std::span<int64_t> PhaseBounds::counts_of(int64_t layer) {
    auto const n = static_cast<std::size_t>(counts_.extent(1));
    return counts_.flat().subspan(static_cast<std::size_t>(layer) * n, n);
}

void PhaseBounds::begin_step() {
    std::ranges::fill(counts_.flat(), 0);
    std::ranges::fill(slot_is_active_.flat(), uint8_t{0});
}

void PhaseBounds::count(int64_t layer, SlotRouting const& sent, GroupedRows const& received) {
    if (!active_) return;
    auto const distinct = distinct_rows(sent, replay_.placement, replay_.topology);
    auto const into = counts_of(layer);
    auto const nodes = into.subspan(distinct.to_rank.size());
    auto const rest = into.last(4);
    for (std::size_t r = 0; r < distinct.to_rank.size(); ++r) into[r] += distinct.to_rank[r];
    for (std::size_t n = 0; n < distinct.to_node.size(); ++n) nodes[n] += distinct.to_node[n];
    rest[0] += distinct.tokens;
    rest[1] += std::ssize(sent.slot) / sent.top_k;
    for (std::size_t s = 0; s + 1 < received.slot_offset.size(); ++s) {
        auto& active = slot_is_active_(layer, s);
        if (active || received.slot_offset[s + 1] == received.slot_offset[s]) continue;
        active = 1;
        ++rest[2];
    }
    rest[3] += received.slot_offset.back();
}

LayerWork PhaseBounds::work_of(int64_t layer, LayerTraffic const& traffic,
                               std::span<int64_t const> counts) const {
    int64_t const ranks = comm_.size(), nodes = replay_.topology.nodes();
    int64_t const layers = counts_.extent(0), width = counts_.extent(1);
    LayerWork work{traffic.rows,
                   traffic.padding,
                   traffic.counts,
                   traffic.entries,
                   {Array<int64_t, 2>({ranks, ranks}), Array<int64_t, 2>({ranks, nodes})},
                   {},
                   {},
                   {},
                   {}};
    for (int64_t from = 0; from < ranks; ++from) {
        auto const of = counts.subspan(static_cast<std::size_t>((from * layers + layer) * width),
                                       static_cast<std::size_t>(width));
        for (int64_t to = 0; to < ranks; ++to)
            work.distinct.rank(from, to) = of[static_cast<std::size_t>(to)];
        for (int64_t n = 0; n < nodes; ++n)
            work.distinct.node(from, n) = of[static_cast<std::size_t>(ranks + n)];
        auto const rest = of.last(4);
        work.read_tokens.push_back(rest[0]);
        work.tokens.push_back(rest[1]);
        work.active_slots.push_back(rest[2]);
        work.assignments.push_back(rest[3]);
    }
    return work;
}

void PhaseBounds::keep(RunRecord& record, int64_t step, std::span<LayerTraffic const> traffic) {
    if (!active_) return;
    auto const counts = comm_.gather(std::span<int64_t const>(counts_.flat()));
    if (!comm_.is_root()) return;
    int64_t const layers = counts_.extent(0), phases = phase_count;
    if (record.bound.empty()) {
        record.resource.assign(resource_names.begin(), resource_names.end());
        record.bound = record.least_bound =
            Array<double, 3>({replay_.steps(), layers, phases}, nan);
        record.bound_resource = Array<int32_t, 3>({replay_.steps(), layers, phases}, -1);
    }
    for (int64_t l = 0; l < layers; ++l) {
        auto const bounds = layer_bounds(*limits_, replay_.spec, replay_.algorithm,
                                         work_of(l, traffic[static_cast<std::size_t>(l)], counts));
        for (int64_t p = 0; p < phases; ++p) {
            auto const& bound = bounds.bound[static_cast<std::size_t>(p)];
            record.bound(step, l, p) = bound.seconds;
            record.least_bound(step, l, p) = bounds.least[static_cast<std::size_t>(p)];
            if (bound.exists())
                record.bound_resource(step, l, p) = static_cast<int32_t>(bound.resource);
        }
    }
    keep_weights(record, step);
}

/// Weights that travel beside a step have no bound of their own.
void PhaseBounds::keep_weights(RunRecord& record, int64_t step) const {
    if (!replay_.timeline || replay_.rebalance_mode == RebalanceMode::async || step == 0) return;
    auto const at = static_cast<int>(step);
    auto const& spec = replay_.spec;
    int64_t const bytes = expert_params(spec.shape) * bytes_of(spec.dtype), ranks = comm_.size();
    std::map<int, Array<int64_t, 2>> moved;  // by layer: [source, destination] bytes
    for (auto const& move :
         moves_between(replay_.placement_at(at - 1), replay_.placement_at(at), replay_.topology))
        moved.try_emplace(move.layer, Array<int64_t, 2>::Shape{ranks, ranks})
            .first->second(index(replay_.placement.rank_of(move.source)),
                           index(replay_.placement.rank_of(move.destination))) += bytes;
    auto const phase = static_cast<int64_t>(Phase::rebalance);
    for (auto const& [layer, pairs] : moved) {
        auto const bound = limits_->exchange(exchange_schedule("pairwise", {pairs}));
        record.bound(step, layer, phase) = record.least_bound(step, layer, phase) = bound.seconds;
        if (bound.exists())
            record.bound_resource(step, layer, phase) = static_cast<int32_t>(bound.resource);
    }
}

}  // namespace epsim
