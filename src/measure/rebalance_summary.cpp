#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "measure/statistics.hpp"
#include "measure/summary_rows.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// The first step from the first change on by whose end rebalanced steps and planning have taken no
/// longer than static ones; NaN = none. \param steps [S] s, rebalanced
double break_even_step(RunRecord const& record, std::vector<double> const& steps) {
    double saved = 0;
    bool changed = false;
    for (std::size_t s = 0; s < steps.size(); ++s) {
        for (std::size_t d = 0; d < record.decision_step.size(); ++d)
            if (record.decision_step[d] == static_cast<int32_t>(s)) {
                changed = true;
                saved -= record.decision_seconds[d];
            }
        double const gain = record.static_step[s] - steps[s];
        if (!changed || std::isnan(gain)) continue;
        saved += gain;
        if (saved >= 0) return static_cast<double>(record.step[s]);
    }
    return nan;
}

/// [S, L, R] assignments of ranks had the first placement stayed, replicas sharing equally.
Array<double, 3> static_loads(RunRecord const& record) {
    auto const [steps, layers, experts] = record.expert_tokens.shape();
    Array<double, 3> loads({steps, layers, std::ssize(record.topology)});
    std::vector<int> replicas(static_cast<std::size_t>(experts));
    for (int64_t l = 0; l < layers; ++l) {
        auto const expert_in = [&](int64_t slot) { return record.slot_expert(0, l, slot); };
        std::ranges::fill(replicas, 0);
        for (int64_t q = 0; q < record.slot_expert.extent(2); ++q)
            if (expert_in(q) >= 0) ++replicas[static_cast<std::size_t>(expert_in(q))];
        for (int64_t q = 0; q < record.slot_expert.extent(2); ++q)
            for (int64_t s = 0; s < steps && expert_in(q) >= 0; ++s)
                loads(s, l, record.slot_rank[static_cast<std::size_t>(q)]) +=
                    static_cast<double>(record.expert_tokens(s, l, expert_in(q))) /
                    replicas[static_cast<std::size_t>(expert_in(q))];
    }
    return loads;
}

/// Sum over steps and layers of ranks' mean / the same of their maximum. \param loads [S, L, R]
template <class T>
double balancedness(Array<T, 3> const& loads) {
    double sum = 0, most = 0;
    auto const ranks = static_cast<std::size_t>(loads.extent(2));
    for (auto rest = loads.flat(); !rest.empty(); rest = rest.subspan(ranks)) {
        auto const layer = rest.first(ranks);
        sum += static_cast<double>(std::accumulate(layer.begin(), layer.end(), T{}));
        most += static_cast<double>(std::ranges::max(layer));
    }
    return most > 0 ? sum / static_cast<double>(ranks) / most : nan;
}

}  // namespace

void summarise_rebalancing(SummaryInput const& input, SummaryRows& rows) {
    auto const& record = input.record;
    if (record.step_version.empty()) return;
    auto const steps = std::ssize(record.step_version);
    rows.add("rebalance_decisions", static_cast<double>(record.decision_step.size()), "1", steps,
             "times that a new placement was decided on, in a pass");
    double all = 0, between = 0;
    for (int64_t from = 0; from < record.moved_weights.extent(0); ++from)
        for (int64_t to = 0; to < record.moved_weights.extent(1); ++to) {
            auto const bytes = static_cast<double>(record.moved_weights(from, to));
            all += bytes;
            if (from != to) between += bytes;
        }
    rows.add("rebalance_bytes", all, "B", steps, "weights that move to other slots, in a pass");
    rows.add("rebalance_rank_bytes", between, "B", steps, "those of them that leave their rank");
    rows.add("rebalance_planning",
             std::accumulate(record.decision_seconds.begin(), record.decision_seconds.end(), 0.0),
             "s", std::ssize(record.decision_seconds),
             "planning of all decisions on rank 0, once, before all passes: in no step's time");
    rows.add("rebalanced_balancedness", balancedness(record.rank_tokens), "1", steps,
             "sum over steps and layers of the ranks' mean load / the same of their maximum");
    rows.add("static_balancedness", balancedness(static_loads(record)), "1", steps,
             "the same, expected, had the first placement stayed");
    if (record.static_step.empty() || input.measured == 0) return;

    auto const medians = step_medians(record, input.iterations);
    std::vector<double> compared;
    for (std::size_t s = 0; s < medians.size(); ++s)
        if (!std::isnan(medians[s])) compared.push_back(record.static_step[s]);
    double const fixed = mean(compared);
    rows.add("static_step_time", fixed, "s", input.measured,
             "step time in the first placement, in passes between the others: mean over steps of "
             "the median");
    rows.add("rebalance_speedup", fixed / input.step_time, "1", input.measured,
             "static_step_time / step_time; weights' moves are in the latter");
    rows.add("break_even_step", break_even_step(record, medians), "1", input.measured,
             "first step by whose end rebalanced steps and planning, from the first change on, "
             "have taken no longer than the same steps in the first placement; blank = none");
}

}  // namespace epsim
