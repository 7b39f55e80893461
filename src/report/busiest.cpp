#include "report/busiest.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "measure/load.hpp"
#include "measure/step_times.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class Load>
void keep_first(std::vector<Load>& loads, std::size_t n) {
    std::ranges::stable_sort(loads, std::greater<>{}, &Load::over_mean);
    if (loads.size() > n) loads.resize(n);
}

std::vector<int32_t> ranks_holding(RunRecord const& record, int64_t layer, int64_t expert) {
    std::vector<int32_t> ranks;
    auto const& slots = record.slot_expert;
    if (slots.empty()) return ranks;
    for (std::size_t q = 0; q < record.slot_rank.size(); ++q)
        if (slots(slots.extent(0) - 1, layer, q) == expert) ranks.push_back(record.slot_rank[q]);
    return ranks;
}

void add_times(RunRecord const& record, IterationsOfStep const& iterations, RankLoad& load) {
    auto const own = phase_quantiles(iterations, static_cast<int64_t>(record.layer.size()),
                                     one_rank(record, load.rank), 0.5);
    load.expert_s = step_mean(own, iterations, Phase::expert);
    double exchange = 0;
    for (auto const phase : {Phase::counts, Phase::dispatch, Phase::combine})
        if (double const t = step_mean(own, iterations, phase); std::isfinite(t)) exchange += t;
    load.exchange_s = exchange > 0 ? exchange : nan;
}

}  // namespace

std::vector<ExpertLoad> busiest_experts(RunRecord const& record, std::size_t n) {
    std::vector<ExpertLoad> experts;
    auto const sums = sum_over_steps(record.expert_tokens);
    for (int64_t l = 0; l < sums.extent(0); ++l) {
        auto const loads = loads_of(sums, l);
        auto const sum =
            static_cast<double>(std::accumulate(loads.begin(), loads.end(), int64_t{0}));
        for (int64_t e = 0; e < sums.extent(1); ++e) {
            if (sums(l, e) == 0) continue;
            double const share = static_cast<double>(sums(l, e)) / sum;
            experts.push_back({record.layer[static_cast<std::size_t>(l)],
                               e,
                               {},
                               sums(l, e),
                               share,
                               share * static_cast<double>(sums.extent(1))});
        }
    }
    keep_first(experts, n);
    for (auto& each : experts) {
        auto const layer = std::ranges::find(record.layer, each.layer) - record.layer.begin();
        each.rank = ranks_holding(record, layer, each.expert);
    }
    return experts;
}

std::vector<RankLoad> busiest_ranks(RunRecord const& record, std::size_t n) {
    std::vector<RankLoad> ranks;
    auto const& received = record.rank_tokens;
    std::vector<int64_t> sums(static_cast<std::size_t>(received.extent(2)));
    for (std::size_t i = 0; i < received.flat().size(); ++i)
        sums[i % sums.size()] += received.flat()[i];
    auto const sum = static_cast<double>(std::accumulate(sums.begin(), sums.end(), int64_t{0}));
    for (std::size_t r = 0; r < sums.size(); ++r) {
        double const share = sum > 0 ? static_cast<double>(sums[r]) / sum : nan;
        ranks.push_back({static_cast<int64_t>(r), sums[r], share,
                         share * static_cast<double>(sums.size()), nan, nan});
    }
    if (sum > 0) {
        keep_first(ranks, n);
    } else if (ranks.size() > n) {
        ranks.resize(n);
    }
    auto const iterations = measured_iterations(record);
    for (auto& each : ranks) add_times(record, iterations, each);
    return ranks;
}

}  // namespace epsim
