#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "measure/summary.hpp"

namespace epsim {

struct RecordSizes {
    int64_t iterations = 3, steps = 2, layers = 2, ranks = 3, experts = 5, tokens = 7, top_k = 2;
    int64_t epochs = 1, events = 4, rows = 3;
};

/// A made-up run that obeys every rule that epsim verify knows: tokens on random ranks choose
/// random experts (or none), some choices are dropped, every other one travels there and back in a
/// row.
inline RunRecord random_record(unsigned seed, RecordSizes const& n = {}) {
    std::mt19937 rng(seed);
    auto const below = [&](int64_t end) {
        return end <= 0 ? 0 : std::uniform_int_distribution<int64_t>(0, end - 1)(rng);
    };
    auto const unit = [&] { return std::uniform_real_distribution<double>(0, 1)(rng); };
    auto const fill = [&](auto& array) {
        for (auto& value : array.flat()) value = unit();
    };
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    constexpr int64_t phases = phase_count, directions = direction_count, links = 3;

    RunRecord r;
    r.run_uuid = fmt::format("00000000-0000-4000-8000-{:012x}", seed);
    r.date = "2024-02-29T23:59:59Z";
    r.software_version = "0.1.0";
    r.git_sha = std::string(40, 'a');
    r.git_dirty = below(2) == 1;
    r.tags = below(2) == 1 ? std::vector<std::string>{"distorted", "warm-weights"}
                           : std::vector<std::string>{};
    r.config = fmt::format(
        "[measure]\nstart = \"aligned\"\nverify = \"{}\"\n[routing]\nseed = {}  # \u00e9\n",
        n.tokens > 0 ? "auto" : "off", seed);
    r.provenance = {{"build", {{"compiler", "GNU 12.2.0"}, {"flags", ""}}},
                    {"job", {}},
                    {"mpi", {{"version", std::string(100000, 'v')}}}};
    for (int32_t i = 0; i < n.ranks; ++i)
        r.topology.push_back({fmt::format("host{}", i), i / 2, i % 2, "cpu", "", "", i - 1, "0-1"});
    for (int32_t i = 0; i < n.steps; ++i) r.step.push_back(7 + 2 * i);
    for (int32_t i = 0; i < n.layers; ++i) r.layer.push_back(1 + i);
    r.link_class = {"self", "node", "network"};

    r.time_start = r.time_end = Array<double, 4>({n.iterations, n.layers, phases, n.ranks}, nan);
    for (std::size_t i = 0; i < r.time_start.flat().size(); ++i)
        if (below(5) > 0) {
            r.time_start.flat()[i] = 1 + unit();
            r.time_end.flat()[i] = r.time_start.flat()[i] + unit();
        }
    r.step_start = r.step_end = Array<double, 2>({n.iterations, n.ranks});
    fill(r.step_start);
    for (auto& end : r.step_end.flat()) end = 3 + unit();
    for (int64_t i = 0; i < n.iterations; ++i) {
        r.step_of.push_back(static_cast<int32_t>(below(n.steps)));
        r.is_warmup.push_back(i == 0);
    }
    for (int64_t i = 0; i < n.events; ++i) {
        auto const pick = [&](int64_t end) { return static_cast<int32_t>(below(end)); };
        r.events.push_back({pick(n.iterations), pick(n.layers), pick(n.ranks), pick(phases),
                            pick(9), pick(2), unit(), 1 + unit()});
    }
    for (auto* clock : {&r.clock_t_ref, &r.clock_offset, &r.clock_slope, &r.clock_error}) {
        *clock = Array<double, 2>({n.epochs, n.ranks});
        fill(*clock);
    }

    r.step_tokens.assign(static_cast<std::size_t>(n.steps), n.tokens);
    r.expert_tokens = r.dropped = Array<int64_t, 3>({n.steps, n.layers, n.experts});
    r.rank_tokens = Array<int64_t, 3>({n.steps, n.layers, n.ranks});
    r.unrouted = Array<int64_t, 2>({n.steps, n.layers});
    r.top_k = static_cast<int32_t>(n.top_k);
    r.selected = r.payload = r.padding = r.metadata =
        Array<int64_t, 4>({n.layers, directions, n.ranks, n.ranks});
    r.wire = Array<int64_t, 4>({n.layers, directions, n.ranks, links});
    r.flops_per_assignment = 1e6 * unit();
    r.local_flops_per_token = below(2) * 1e6;
    if (below(2) == 1) {
        r.output_checksum = Array<int64_t, 2>({n.steps, n.layers});
        for (auto& sum : r.output_checksum.flat()) sum = INT64_MIN + below(INT64_MAX);
    }
    if (below(2) == 1) {
        if (n.iterations > 0) r.time_wait = r.time_start;
        r.size = {8, int64_t{1} << 40};
        r.link_seconds = Array<double, 3>({2, n.ranks, n.ranks});
        fill(r.link_seconds);
        r.resource = {"memory write", "network"};
        r.bound = r.least_bound = Array<double, 3>({n.steps, n.layers, phases}, nan);
        r.bound_resource = Array<int32_t, 3>({n.steps, n.layers, phases}, -1);
        for (std::size_t i = 0; i < r.bound.flat().size(); i += 2) {
            r.bound.flat()[i] = 1 + unit();
            r.least_bound.flat()[i] = unit();
            r.bound_resource.flat()[i] = static_cast<int32_t>(below(2));
        }
        for (int64_t i = 0; i < n.rows; ++i)
            r.ceilings.push_back(
                {fmt::format("ceiling_{}", i), unit(), "B/s", unit(), nan, i, "how"});
    }
    if (below(2) == 1) {
        r.sequential_phase = Array<double, 4>({n.steps, n.layers, phases, n.ranks});
        fill(r.sequential_phase);
        for (int64_t s = 0; s < n.steps; ++s) r.sequential_step.push_back(1 + unit());
    } else {
        for (int64_t s = 0; s < n.steps; ++s) r.step_loaded.push_back(static_cast<uint8_t>(s % 2));
    }
    if (n.steps > 0 && below(2) == 1) {
        r.algorithm = "auto";
        for (int64_t i = 0; i < n.steps; ++i) r.step_algorithm.push_back(below(2) ? "ring" : "shm");
    }
    if (below(2) == 1) {
        r.health_figure = {"balance_loss", "z_loss"};
        r.health = Array<double, 3>({n.steps, n.layers, 2}, nan);
        for (std::size_t i = 0; i < r.health.flat().size(); i += 2) r.health.flat()[i] = unit();
    }
    if (n.steps > 0 && below(2) == 1) {
        r.step_version.assign(static_cast<std::size_t>(n.steps), 0);
        r.step_moved.assign(static_cast<std::size_t>(n.steps), 0);
        r.moved_weights = Array<int64_t, 2>({n.ranks, n.ranks});
        r.step_moved.back() = r.moved_weights(0, n.ranks - 1) = below(1000);
        r.decision_step = {static_cast<int32_t>(n.steps) - 1, 0};
        r.decision_seconds = {unit(), unit()};
        for (int64_t s = 0; s < n.steps; ++s) r.static_step.push_back(1 + unit());
    }
    r.dispatch_row_bytes = 96;
    r.combine_row_bytes = 128;
    r.slot_expert = Array<int32_t, 3>({1, n.layers, n.experts});
    for (int64_t e = 0; e < n.experts; ++e) {
        r.slot_rank.push_back(static_cast<int32_t>(e * n.ranks / n.experts));
        for (int64_t l = 0; l < n.layers; ++l) r.slot_expert(0, l, e) = static_cast<int32_t>(e);
    }
    for (int64_t s = 0; s < n.steps; ++s)
        for (int64_t l = 0; l < n.layers; ++l)
            for (int64_t choice = 0; choice < n.tokens * n.top_k; ++choice) {
                int64_t const from = below(n.ranks), e = below(n.experts + 1);
                if (e == n.experts) {
                    ++r.unrouted(s, l);
                } else if (below(8) == 0) {
                    ++r.dropped(s, l, e);
                } else {
                    int64_t const to = r.slot_rank[static_cast<std::size_t>(e)];
                    ++r.expert_tokens(s, l, e);
                    ++r.rank_tokens(s, l, to);
                    r.selected(l, 0, from, to) += 96;
                    r.selected(l, 1, to, from) += 128;
                    r.metadata(l, 0, from, to) += 8;  // slot, weight
                }
            }
    r.payload = r.selected;
    for (int64_t l = 0; l < n.layers; ++l)  // how many rows follow
        for (int64_t from = 0; from < n.ranks; ++from)
            for (int64_t to = 0; to < n.ranks; ++to) r.metadata(l, 0, from, to) += 4 * n.steps;
    for (int64_t l = 0; l < n.layers; ++l)
        for (int64_t d = 0; d < directions; ++d)
            for (int64_t from = 0; from < n.ranks; ++from)
                for (int64_t to = 0; to < n.ranks; ++to)
                    r.wire(l, d, from,
                           from == to           ? 0
                           : from / 2 == to / 2 ? 1
                                                : 2) +=
                        r.payload(l, d, from, to) + r.metadata(l, d, from, to);

    r.capacity = below(2) * 17;  // told, and of no algorithm that has one
    r.checked = n.tokens * n.steps * n.layers;
    r.identities = r.checked * n.top_k;
    r.max_error = unit();
    r.dispatch_error = unit();
    r.combine_error = unit();
    if (n.rows > 0) r.summary = summarise(r);
    return r;
}

}  // namespace epsim
