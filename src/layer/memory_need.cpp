#include "layer/memory_need.hpp"

#include <algorithm>
#include <cmath>

#include "layer/logit_maker.hpp"
#include "layer/part_times.hpp"
#include "measure/phase.hpp"
#include "model/formulas.hpp"
#include "schedule/exchange_candidates.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim {
namespace {

double most_tokens_of_a_step(TraceInfo const& info) {
    int64_t most = 0;
    for (std::size_t s = 1; s < info.step_offset.size(); ++s)
        most = std::max(most, info.step_offset[s] - info.step_offset[s - 1]);
    return static_cast<double>(most);
}

double weight_bytes(ReplayCase const& replay, RankId rank) {
    auto const& spec = replay.spec;
    if (replay.emulate_us > 0) return 0;
    auto const held = std::ssize(replay.placement.experts_of(LayerId{0}, rank));
    return (static_cast<double>(held) * static_cast<double>(expert_params(spec.shape)) +
            static_cast<double>(replicated_params(spec.shape))) *
           static_cast<double>(bytes_of(spec.dtype)) * (spec.distinct_weights ? spec.layers : 1);
}

/// Of weights that wait for their slots: of a layer, or of all that travel beside a step.
double arriving_bytes(ReplayCase const& replay, RankId rank) {
    if (!replay.timeline) return 0;
    int64_t most = 0;
    auto const versions = replay.timeline->versions();
    for (std::size_t v = 1; v < versions.size(); ++v) {
        int64_t arriving = 0;
        int layer = -1;
        for (auto const& move : moves_between(versions[v - 1], versions[v], replay.topology)) {
            if (replay.placement.rank_of(move.destination) != rank) continue;
            if (replay.rebalance_mode == RebalanceMode::stop && move.layer != layer) arriving = 0;
            layer = move.layer;
            most = std::max(most, ++arriving);
        }
    }
    return static_cast<double>(most * expert_params(replay.spec.shape)) *
           static_cast<double>(bytes_of(replay.spec.dtype));
}

/// Every rank has the routers of all layers.
double router_bytes(ReplayCase const& replay) {
    auto const& gate = replay.router.gate;
    if (gate.kind == GateKind::none || gate.options.logits != "hidden") return 0;
    return LogitMaker::weight_bytes(replay.spec.layers, gate.experts, replay.spec.shape.hidden,
                                    gate.kind == GateKind::noisy_topk);
}

/// What rank 0 keeps of the iterations that there will be at least, and of the steps.
double kept_by_root(ReplayCase const& replay, double ranks) {
    auto const& measure = replay.measure;
    int const passes = measure.max_passes > 0 ? std::min(measure.min_passes, measure.max_passes)
                                              : measure.min_passes;
    double const steps = replay.steps(), layers = replay.spec.layers;
    double const iterations = (static_cast<double>(measure.warmup) + passes) * steps;
    // Start and end, as they were gathered and as the record holds them.
    double const stamps = 4 * iterations * layers * static_cast<double>(phase_count) * ranks;
    double events = 0, sums = 0;  // of parts; the latter of passes without overlap
    if (int const parts = replay.overlap.parts(); parts > 1) {
        double const intervals = iterations * layers * static_cast<double>(phase_count) * ranks;
        events = std::min(intervals * parts, static_cast<double>(most_events)) * sizeof(Event);
        sums = intervals * sizeof(double);
    }
    double const counts = steps * layers * (2.0 * replay.spec.shape.num_experts + ranks);
    return (stamps + counts) * sizeof(double) + events + sums;
}

/// Of a step.
double memory_need(ExchangeCase const& exchange, std::vector<Array<int64_t, 2>> const& layers,
                   int64_t rank) {
    constexpr double planned = 64;  // bytes a row, in a hop: where it goes, and its metadata
    bool const tries = exchange.algorithm == auto_algorithm;
    auto const row = static_cast<double>(exchange.row_bytes);
    double send = 0, receive = 0, handed_on = 0;
    for (auto const& rows : layers) {
        Blocks const blocks(rows, RankId{static_cast<int32_t>(rank)});
        auto const sent = static_cast<double>(blocks.send_offset.back());
        send = std::max(send, sent * row);
        receive = std::max(receive, static_cast<double>(blocks.receive_offset.back()) * row);
        if (!forwards(exchange.algorithm)) continue;
        handed_on += sent * (row + planned);  // in send order
        for (auto const& hop : hop_rows(exchange.algorithm, rows, exchange.topology)) {
            Blocks const arrived(hop, RankId{static_cast<int32_t>(rank)});
            handed_on += static_cast<double>(arrived.receive_offset.back()) * (2 * row + planned);
        }
    }
    return send + handed_on +
           receive * (tries ? static_cast<double>(transport_candidates().size()) : 1);
}

}  // namespace

double memory_need(ExchangeCase const& exchange, RankId rank) {
    double most = 0;
    for (auto const& layers : exchange.rows)
        most = std::max(most, memory_need(exchange, layers, index(rank)));
    return most;
}

MemoryNeed memory_need(ReplayCase const& replay, int ranks, RankId rank) {
    auto const& spec = replay.spec;
    auto const& info = replay.source.info();
    double const n = ranks, k = replay.choices(), width = spec.shape.hidden;
    double const step = most_tokens_of_a_step(info) / n;
    // Freely running iterations leave no time to load: every step stays in memory.
    double const loaded =
        replay.measure.start == "free" ? static_cast<double>(info.tokens()) / n : step;
    auto const bytes = [](DType type) { return static_cast<double>(bytes_of(type)); };

    MemoryNeed need;
    need.weights = weight_bytes(replay, rank) + arriving_bytes(replay, rank) + router_bytes(replay);
    need.tokens = loaded * (width * bytes(spec.wire_dtype) +
                            spec.layers * k * (sizeof(ExpertId) + sizeof(float))) +
                  step * width * bytes(spec.dtype);
    double const rows = 2 * step * k * width * (bytes(spec.wire_dtype) + bytes(spec.combine_dtype));
    auto const rows_of = [&](std::string_view algorithm) {
        // Each of its rounds moves half of the rows and keeps what arrived; what leaves is packed.
        if (algorithm == "bruck")
            return rows + 0.5 * (std::ceil(std::log2(n)) + 1) * step * k * width *
                              std::max(bytes(spec.wire_dtype), bytes(spec.combine_dtype));
        // Every token comes to every rank.
        if (algorithm == "allgather")
            return rows + (n - 2 * k) * step * width * bytes(spec.wire_dtype);
        if (replay.capacity.exists())
            return 2 * n * static_cast<double>(replay.capacity.rows) * replay.overlap.parts() *
                   width * (bytes(spec.wire_dtype) + bytes(spec.combine_dtype));
        return rows;
    };
    need.rows = rows_of(replay.algorithm);
    if (replay.algorithm == auto_algorithm) {  // all that it tries, while there are no weights yet
        double tried = 0, most = 0;
        for (auto const& algorithm : exchange_candidates(replay.topology, spec.dedup)) {
            tried += rows_of(algorithm);
            most = std::max(most, rows_of(algorithm));
        }
        need.rows = std::max(most, tried - need.weights);
    }
    need.record = static_cast<double>(info.step_offset.size()) * sizeof(int64_t);
    if (index(rank) == 0) need.record += kept_by_root(replay, n);
    return need;
}

}  // namespace epsim
