#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "measure/run_record.hpp"

namespace epsim::test {

struct SyntheticShape {
    int steps = 3, layers = 2, ranks = 4, experts = 8, passes = 5, warmup_passes = 1;
    int ranks_per_node = 4;
};

/// Each iteration: ranks start together and go through the phases, layer by layer, with random
/// durations; gate and rebalance are absent. Warm-up is ten times slower. Loads: random choices of
/// `experts`, hosted linearly; traffic: random bytes.
inline RunRecord synthetic_run(SyntheticShape const& shape, unsigned seed) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    std::mt19937 random(seed);
    auto const uniform = [&](double low, double high) {
        return std::uniform_real_distribution<double>(low, high)(random);
    };
    auto const integer = [&](int64_t most) {
        return std::uniform_int_distribution<int64_t>(0, most)(random);
    };
    int64_t const S = shape.steps, L = shape.layers, R = shape.ranks, E = shape.experts;
    int64_t const P = phase_count, D = direction_count;
    int64_t const passes = shape.passes + shape.warmup_passes, I = S * passes;

    RunRecord run;
    run.run_uuid = "00000000-0000-4000-8000-000000000000";
    run.date = "2026-01-02T03:04:05Z";
    run.software_version = "0.1.0";
    run.git_sha = "0123456789abcdef0123456789abcdef01234567";
    run.config = "[model]\npreset = \"synthetic\"\nhidden = 64\n";
    for (int64_t r = 0; r < R; ++r)
        run.topology.push_back({"host", static_cast<int32_t>(r / shape.ranks_per_node),
                                static_cast<int32_t>(r % shape.ranks_per_node), "cpu", "", "", -1,
                                "0-1"});
    for (int64_t s = 0; s < S; ++s) {
        run.step.push_back(static_cast<int32_t>(s));
        run.step_tokens.push_back(1 + integer(1000));
    }
    for (int64_t l = 0; l < L; ++l) run.layer.push_back(static_cast<int32_t>(3 + 2 * l));
    run.link_class = {"self", "node", "network"};

    run.time_start = run.time_end = Array<double, 4>({I, L, P, R}, nan);
    run.step_start = run.step_end = Array<double, 2>({I, R});
    double now = 100;
    for (int64_t i = 0; i < I; ++i) {
        bool const warmup = i < S * shape.warmup_passes;
        run.step_of.push_back(static_cast<int32_t>(i % S));
        run.is_warmup.push_back(warmup);
        double const unit = warmup ? 1e-2 : 1e-3;
        double latest = now;
        for (int64_t r = 0; r < R; ++r) {
            double t = now;
            run.step_start(i, r) = now;
            for (int64_t l = 0; l < L; ++l)
                for (int64_t p = 1; p + 1 < P; ++p) {
                    t += uniform(0, 0.1 * unit);
                    run.time_start(i, l, p, r) = t;
                    t += uniform(0.5 * unit, unit);
                    run.time_end(i, l, p, r) = t;
                }
            run.step_end(i, r) = t + uniform(0, unit);
            latest = std::max(latest, run.step_end(i, r));
        }
        now = latest + 0.01;
    }

    run.expert_tokens = Array<int64_t, 3>({S, L, E});
    run.dropped = Array<int64_t, 3>({S, L, E});
    run.rank_tokens = Array<int64_t, 3>({S, L, R});
    run.slot_expert = Array<int32_t, 3>({1, L, E});
    for (int64_t e = 0; e < E; ++e) run.slot_rank.push_back(static_cast<int32_t>(e * R / E));
    for (int64_t l = 0; l < L; ++l)
        for (int64_t e = 0; e < E; ++e) run.slot_expert(0, l, e) = static_cast<int32_t>(e);
    for (int64_t s = 0; s < S; ++s)
        for (int64_t l = 0; l < L; ++l)
            for (int64_t e = 0; e < E; ++e) {
                run.expert_tokens(s, l, e) = integer(100);
                run.rank_tokens(s, l, e * R / E) += run.expert_tokens(s, l, e);
            }
    run.flops_per_assignment = 6e6;
    run.local_flops_per_token = 1e6;

    run.selected = run.payload = run.padding = run.metadata = Array<int64_t, 4>({L, D, R, R});
    run.wire = Array<int64_t, 4>({L, D, R, 3});
    for (auto* matrix : {&run.selected, &run.payload, &run.padding, &run.metadata, &run.wire})
        for (auto& bytes : matrix->flat()) bytes = integer(100'000);
    run.checked = 20;
    run.identities = 300;
    run.max_error = 0.25;
    return run;
}

/// Give a run bounds: random parts of a millisecond for every phase but gate, layout and rebalance,
/// and ceilings.
inline void add_bounds(RunRecord& run, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> unit(0, 1);
    auto const shape = std::array<int64_t, 3>{std::ssize(run.step), std::ssize(run.layer),
                                              static_cast<int64_t>(phase_count)};
    run.resource = {"FLOP/s, rank", "memory, node", "port, network"};
    run.bound = run.least_bound = Array<double, 3>(shape, std::numeric_limits<double>::quiet_NaN());
    run.bound_resource = Array<int32_t, 3>(shape, -1);
    for (int64_t s = 0; s < shape[0]; ++s)
        for (int64_t l = 0; l < shape[1]; ++l)
            for (int64_t p = static_cast<int64_t>(Phase::counts);
                 p <= static_cast<int64_t>(Phase::unpermute); ++p) {
                run.bound(s, l, p) = 4e-4 * unit(random);
                run.least_bound(s, l, p) = run.bound(s, l, p) * unit(random);
                run.bound_resource(s, l, p) = static_cast<int32_t>(random() % 3);
            }
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    for (auto const* name :
         {"read_bandwidth_rank", "read_bandwidth_node", "latency_node", "bandwidth_node"})
        run.ceilings.push_back({name, 1e9 * unit(random), "B/s", nan, nan, 3, "how"});
}

}  // namespace epsim::test
