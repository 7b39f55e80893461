#include "layer/exchange_record.hpp"

#include <algorithm>
#include <limits>

#include "schedule/exchange_candidates.hpp"
#include "schedule/machine_limits.hpp"

namespace epsim {
namespace {

constexpr auto dispatch = static_cast<int64_t>(Direction::dispatch);

void make_room(ExchangeCase const& exchange, RunRecord& record) {
    int64_t const steps = exchange.steps(), layers = exchange.layers();
    int64_t const ranks = exchange.topology.ranks();
    record.expert_tokens = record.dropped = record.rank_tokens =
        Array<int64_t, 3>({steps, layers, ranks});
    record.unrouted = Array<int64_t, 2>({steps, layers});
    record.selected = record.payload = record.padding = record.metadata =
        Array<int64_t, 4>({layers, direction_count, ranks, ranks});
    record.wire = Array<int64_t, 4>({layers, direction_count, ranks, link_class_count});
    record.slot_expert = Array<int32_t, 3>({1, layers, ranks});
    for (int64_t l = 0; l < layers; ++l)
        for (int64_t r = 0; r < ranks; ++r) record.slot_expert(0, l, r) = static_cast<int32_t>(r);
    for (int64_t r = 0; r < ranks; ++r) record.slot_rank.push_back(static_cast<int32_t>(r));
}

void keep_layer(ExchangeCase const& exchange, int64_t s, int64_t l, RunRecord& record) {
    auto const& rows = exchange.rows[static_cast<std::size_t>(s)][static_cast<std::size_t>(l)];
    int64_t const ranks = rows.extent(0);
    auto const bytes = bytes_of(rows, exchange.row_bytes);
    for (int64_t from = 0; from < ranks; ++from)
        for (int64_t to = 0; to < ranks; ++to) {
            record.expert_tokens(s, l, to) += rows(from, to);
            record.rank_tokens(s, l, to) += rows(from, to);
            record.selected(l, dispatch, from, to) += bytes(from, to);
            record.payload(l, dispatch, from, to) += bytes(from, to);
        }
    auto const schedule = schedule_of(exchange, s, l);
    record.hops = std::max(record.hops, schedule.hops);
    auto const wire = wire_bytes(schedule, exchange.topology);
    for (int64_t r = 0; r < ranks; ++r)
        for (int64_t c = 0; c < wire.extent(1); ++c) record.wire(l, dispatch, r, c) += wire(r, c);
}

/// What each rank sends to the ranks of each node.
Array<int64_t, 2> by_node(Array<int64_t, 2> const& bytes, ClusterTopology const& topology) {
    Array<int64_t, 2> sums({bytes.extent(0), topology.nodes()});
    for (int64_t from = 0; from < bytes.extent(0); ++from)
        for (int64_t to = 0; to < bytes.extent(1); ++to)
            sums(from, topology.node_of(RankId{static_cast<int32_t>(to)})) += bytes(from, to);
    return sums;
}

}  // namespace

Array<int64_t, 2> bytes_of(Array<int64_t, 2> const& rows, int64_t row_bytes) {
    auto bytes = rows;
    for (auto& b : bytes.flat()) b *= row_bytes;
    return bytes;
}

ExchangeSchedule schedule_of(ExchangeCase const& exchange, int64_t step, int64_t layer) {
    auto const& algorithm = exchange.algorithm_of(step);
    auto hops = hop_rows(
        algorithm, exchange.rows[static_cast<std::size_t>(step)][static_cast<std::size_t>(layer)],
        exchange.topology);
    for (auto& rows : hops) rows = bytes_of(rows, exchange.row_bytes);
    return exchange_schedule(algorithm, hops);
}

RunRecord exchange_record(ExchangeCase const& exchange) {
    RunRecord record;
    make_room(exchange, record);
    record.tags.emplace_back("exchange-only");
    record.layer = exchange.layer;
    record.step_loaded = exchange.loaded;
    record.top_k = 1;
    record.algorithm = exchange.algorithm;
    record.step_algorithm = exchange.step_algorithm;
    record.dispatch_row_bytes = record.combine_row_bytes = exchange.row_bytes;
    for (auto const name : link_class_names) record.link_class.emplace_back(name);
    for (int32_t s = 0; s < exchange.steps(); ++s) {
        record.step.push_back(s);
        int64_t most = 0;  // layers may move different numbers of rows: the rest is unrouted
        std::vector<int64_t> rows;
        for (int64_t l = 0; l < exchange.layers(); ++l) {
            keep_layer(exchange, s, l, record);
            int64_t sum = 0;
            for (int64_t r = 0; r < exchange.topology.ranks(); ++r)
                sum += record.rank_tokens(s, l, r);
            rows.push_back(sum);
            most = std::max(most, sum);
        }
        for (int64_t l = 0; l < exchange.layers(); ++l)
            record.unrouted(s, l) = most - rows[static_cast<std::size_t>(l)];
        record.step_tokens.push_back(most);
    }
    return record;
}

void bound_exchange(ExchangeCase const& exchange, double cache_bytes, RunRecord& record) {
    if (exchange.calibration.empty()) return;
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    MachineLimits const limits(exchange.topology, exchange.calibration, cache_bytes);
    std::array<int64_t, 3> const shape{exchange.steps(), exchange.layers(), phase_count};
    record.resource.assign(resource_names.begin(), resource_names.end());
    record.bound = record.least_bound = Array<double, 3>(shape, nan);
    record.bound_resource = Array<int32_t, 3>(shape, -1);
    constexpr auto phase = static_cast<int64_t>(Phase::dispatch);
    for (int64_t s = 0; s < exchange.steps(); ++s)
        for (int64_t l = 0; l < exchange.layers(); ++l) {
            auto const bytes =
                bytes_of(exchange.rows[static_cast<std::size_t>(s)][static_cast<std::size_t>(l)],
                         exchange.row_bytes);
            auto const bound = limits.exchange(schedule_of(exchange, s, l));
            if (!bound.exists()) continue;
            auto const least = limits.least_exchange({bytes, by_node(bytes, exchange.topology)},
                                                     Direction::dispatch);
            record.bound(s, l, phase) = bound.seconds;
            record.least_bound(s, l, phase) =
                least.exists() ? std::min(least.seconds, bound.seconds) : 0;
            record.bound_resource(s, l, phase) = static_cast<int32_t>(bound.resource);
        }
}

}  // namespace epsim
