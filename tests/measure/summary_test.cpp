#include "measure/summary.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "support/synthetic_run.hpp"

namespace epsim {
namespace {

using test::synthetic_run;
using test::SyntheticShape;

// An independent reckoning: nested vectors, sort and pick.
double middle(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    auto const n = v.size();
    return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

struct Oracle {
    explicit Oracle(RunRecord const& of) : run(of), by_step(of.step.size()) {
        for (std::size_t i = 0; i < run.step_of.size(); ++i)
            if (run.is_warmup[i] == 0)
                by_step[static_cast<std::size_t>(run.step_of[i])].push_back(i);
    }

    double length(std::size_t i) const {
        double first = 1e300, last = -1e300;
        for (std::size_t r = 0; r < run.topology.size(); ++r) {
            first = std::min(first, run.step_start(i, r));
            last = std::max(last, run.step_end(i, r));
        }
        return last - first;
    }
    /// The iteration with the median length, the lower of two.
    std::size_t typical(std::vector<std::size_t> iterations) const {
        std::ranges::sort(iterations, {}, [&](std::size_t i) { return length(i); });
        return iterations[(iterations.size() - 1) / 2];
    }
    /// Mean over steps of the sum over layers of pick(the slowest rank's times in all iterations).
    template <class Pick>
    double phase(std::size_t p, Pick pick) const {
        double sum = 0;
        for (auto const& iterations : by_step)
            for (std::size_t l = 0; l < run.layer.size(); ++l) {
                std::vector<double> times;
                for (auto const i : iterations) {
                    double slowest = 0;
                    for (std::size_t r = 0; r < run.topology.size(); ++r)
                        slowest = std::max(slowest,
                                           run.time_end(i, l, p, r) - run.time_start(i, l, p, r));
                    times.push_back(slowest);
                }
                sum += pick(times);
            }
        return sum / static_cast<double>(by_step.size());
    }

    RunRecord const& run;
    std::vector<std::vector<std::size_t>> by_step;
};

class Summary : public ::testing::TestWithParam<SyntheticShape> {};

TEST_P(Summary, TimesEqualAnIndependentReckoning) {
    auto const run = synthetic_run(GetParam(), 7);
    auto const rows = summarise(run);
    Oracle const oracle(run);
    double tokens = 0, seconds = 0;
    std::map<std::size_t, int> ended_last;
    std::vector<double> all;
    for (std::size_t s = 0; s < run.step.size(); ++s) {
        std::vector<double> lengths;
        for (auto const i : oracle.by_step[s]) {
            lengths.push_back(oracle.length(i));
            std::size_t last = 0;
            for (std::size_t r = 0; r < run.topology.size(); ++r)
                if (run.step_end(i, r) > run.step_end(i, last)) last = r;
            ++ended_last[last];
        }
        all.insert(all.end(), lengths.begin(), lengths.end());
        tokens += static_cast<double>(run.step_tokens[s]);
        seconds += middle(lengths);
    }
    EXPECT_NEAR(summary_value(rows, "throughput"), tokens / seconds, 1e-9 * tokens / seconds);
    EXPECT_NEAR(summary_value(rows, "step_time"), seconds / std::ssize(run.step), 1e-12);
    EXPECT_NEAR(summary_value(rows, "step_time_p50"), middle(all), 1e-12);
    EXPECT_DOUBLE_EQ(summary_value(rows, "step_time_max"), *std::ranges::max_element(all));

    auto const most =
        std::ranges::max_element(ended_last, {}, [](auto const& entry) { return entry.second; });
    EXPECT_EQ(summary_value(rows, "critical_rank"), static_cast<double>(most->first));

    for (std::size_t p = 1; p + 1 < phase_count; ++p) {
        auto const name = std::string(phase_names[p]);
        auto const least = [](auto const& v) { return *std::ranges::min_element(v); };
        EXPECT_NEAR(summary_value(rows, "phase_" + name + "_p50"), oracle.phase(p, middle), 1e-12);
        EXPECT_NEAR(summary_value(rows, "phase_" + name + "_min"), oracle.phase(p, least), 1e-12);
        double sum = 0;
        for (auto const& iterations : oracle.by_step) {
            auto const i = oracle.typical(iterations);
            for (std::size_t l = 0; l < run.layer.size(); ++l)
                sum += run.time_end(i, l, p, most->first) - run.time_start(i, l, p, most->first);
        }
        EXPECT_NEAR(summary_value(rows, "critical_phase_" + name),
                    sum / static_cast<double>(run.step.size()), 1e-12);
    }
}

TEST_P(Summary, LoadsAndBytesEqualAnIndependentReckoning) {
    auto const run = synthetic_run(GetParam(), 11);
    auto const rows = summarise(run);
    auto const L = run.layer.size(), E = static_cast<std::size_t>(run.expert_tokens.extent(2));
    double ratio_sum = 0;
    int64_t assignments = 0;
    for (std::size_t l = 0; l < L; ++l) {
        double sum = 0, largest = 0;
        for (std::size_t e = 0; e < E; ++e) {
            double load = 0;
            for (std::size_t s = 0; s < run.step.size(); ++s)
                load += static_cast<double>(run.expert_tokens(s, l, e));
            sum += load;
            largest = std::max(largest, load);
        }
        assignments += static_cast<int64_t>(sum);
        double const ratio = largest * static_cast<double>(E) / sum;
        ratio_sum += ratio;
        EXPECT_NEAR(
            summary_value(rows, "expert_max_over_mean_layer_" + std::to_string(run.layer[l])),
            ratio, 1e-12);
    }
    EXPECT_NEAR(summary_value(rows, "expert_max_over_mean"), ratio_sum / static_cast<double>(L),
                1e-12);

    Oracle const oracle(run);
    auto const R = run.topology.size();
    for (std::size_t d = 0; d < direction_count; ++d) {
        auto const direction = std::string(direction_names[d]);
        double payload = 0, busiest = 0, leaving = 0, off_node = 0, wire = 0;
        for (std::size_t l = 0; l < L; ++l) {
            std::vector<double> out(R), in(R), out_far(R), in_far(R);
            for (std::size_t a = 0; a < R; ++a) {
                for (std::size_t b = 0; b < R; ++b) {
                    auto const bytes = static_cast<double>(run.payload(l, d, a, b));
                    auto const moved = bytes + static_cast<double>(run.padding(l, d, a, b));
                    payload += bytes;
                    out[a] += moved, in[b] += moved;
                    if (a != b) out_far[a] += moved, in_far[b] += moved;
                }
                for (std::size_t c = 0; c < 3; ++c)
                    wire += static_cast<double>(run.wire(l, d, a, c));
                off_node += static_cast<double>(run.wire(l, d, a, 2));
            }
            auto const larger = [](auto const& x, auto const& y) {
                return std::max(*std::ranges::max_element(x), *std::ranges::max_element(y));
            };
            busiest += larger(out, in);
            leaving += larger(out_far, in_far);
        }
        auto const phase = static_cast<std::size_t>(d == 0 ? Phase::dispatch : Phase::combine);
        double const seconds = oracle.phase(phase, middle) * static_cast<double>(run.step.size());
        EXPECT_EQ(summary_value(rows, direction + "_payload"), payload);
        EXPECT_NEAR(summary_value(rows, direction + "_off_node_share"), off_node / wire, 1e-12);
        EXPECT_NEAR(summary_value(rows, direction + "_algbw") / (busiest / seconds), 1, 1e-9);
        EXPECT_NEAR(summary_value(rows, direction + "_busbw"), leaving / seconds,
                    1e-9 * busiest / seconds);
    }
    double const seconds = oracle.phase(static_cast<std::size_t>(Phase::expert), middle) *
                           static_cast<double>(run.step.size());
    double tokens = 0;
    for (auto const n : run.step_tokens) tokens += static_cast<double>(n * std::ssize(run.layer));
    double const flops = static_cast<double>(assignments) * run.flops_per_assignment +
                         tokens * run.local_flops_per_token;
    EXPECT_NEAR(summary_value(rows, "expert_flops_all_ranks") / (flops / seconds), 1, 1e-9);
}

TEST_P(Summary, RowsAreDistinctAndExplained) {
    std::set<std::string> seen;
    for (auto const& row : summarise(synthetic_run(GetParam(), 3))) {
        EXPECT_TRUE(seen.insert(row.metric).second) << row.metric;
        EXPECT_FALSE(row.description.empty()) << row.metric;
        EXPECT_TRUE(std::isnan(row.ci_low) && std::isnan(row.ci_high)) << row.metric;
        EXPECT_TRUE(
            (std::set<std::string>{"s", "B", "B/s", "1", "token/s", "FLOP/s"}).contains(row.unit))
            << row.metric << " " << row.unit;
    }
}

TEST_P(Summary, TheCriticalRankAddsUp) {
    auto const rows = summarise(synthetic_run(GetParam(), 5));
    double sum = summary_value(rows, "critical_other");
    for (auto const name : phase_names) {
        double const own = summary_value(rows, "critical_phase_" + std::string(name));
        if (std::isnan(own)) continue;
        sum += own;
    }
    EXPECT_NEAR(sum, summary_value(rows, "critical_step_time"), 1e-15);
    EXPECT_GE(summary_value(rows, "critical_other"), 0);
    EXPECT_LE(sum, summary_value(rows, "step_time") + 1e-15);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Summary,
                         ::testing::Values(SyntheticShape{3, 2, 4, 8, 5, 1, 2},
                                           SyntheticShape{1, 1, 1, 1, 1, 0, 1},
                                           SyntheticShape{2, 5, 7, 3, 4, 2, 3},
                                           SyntheticShape{7, 1, 2, 64, 2, 1, 2}));

}  // namespace
}  // namespace epsim
