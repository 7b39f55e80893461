#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "measure/imbalance.hpp"
#include "measure/load.hpp"
#include "measure/summary_rows.hpp"

namespace epsim {
namespace {

struct Figure {
    char const* name;
    double Imbalance::*value;
    char const* formula;
};
constexpr std::array figures{Figure{"max_over_mean", &Imbalance::max_over_mean, "max / mean"},
                             Figure{"max_violation", &Imbalance::max_violation, "max / mean - 1"},
                             Figure{"balancedness", &Imbalance::balancedness, "mean / max"},
                             Figure{"cv", &Imbalance::cv, "population standard deviation / mean"},
                             Figure{"gini", &Imbalance::gini, "sum_ij |x_i - x_j| / (2 n^2 mean)"},
                             Figure{"entropy", &Imbalance::entropy, "-sum p ln p / ln n"},
                             Figure{"busiest_share", &Imbalance::busiest_share, "max / sum"}};

/// Mean of a figure over those loads that are not all zero, and how many they are.
std::pair<double, int64_t> mean_of(std::vector<Imbalance> const& of, double Imbalance::*figure) {
    double sum = 0;
    int64_t n = 0;
    for (auto const& each : of)
        if (std::isfinite(each.*figure)) sum += each.*figure, ++n;
    return {n == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(n), n};
}

/// \param what "expert", "rank" or "node"
/// \param loads [S, L, n]
void add_imbalance(RunRecord const& record, std::string const& what, Array<int64_t, 3> const& loads,
                   SummaryRows& rows) {
    auto const total = sum_over_steps(loads);
    std::vector<Imbalance> cumulative, per_step;
    for (int64_t l = 0; l < loads.extent(1); ++l) {
        cumulative.push_back(imbalance(loads_of(total, l)));
        for (int64_t s = 0; s < loads.extent(0); ++s)
            per_step.push_back(imbalance(loads_of(loads, s, l)));
    }
    for (auto const& figure : figures) {
        auto const [mean, layers] = mean_of(cumulative, figure.value);
        rows.add(fmt::format("{}_{}", what, figure.name), mean, "1", layers,
                 fmt::format("{} of the {}s' loads summed over steps, mean over layers",
                             figure.formula, what));
        auto const [step_mean, steps] = mean_of(per_step, figure.value);
        rows.add(fmt::format("{}_{}_per_step", what, figure.name), step_mean, "1", steps,
                 fmt::format("{} of the {}s' loads in one step and layer, mean over both",
                             figure.formula, what));
    }
    int64_t idle = 0;
    for (std::size_t l = 0; l < cumulative.size(); ++l) {
        idle += cumulative[l].idle;
        rows.add(
            fmt::format("{}_max_over_mean_layer_{}", what, record.layer[l]),
            cumulative[l].max_over_mean, "1", loads.extent(0),
            fmt::format("max / mean of the {}s' loads in this layer, summed over steps", what));
    }
    rows.add(fmt::format("{}_idle", what), static_cast<double>(idle), "1", loads.extent(1),
             fmt::format("({}, layer) pairs without a token in all steps", what));
}

}  // namespace

void summarise_load(RunRecord const& record, SummaryRows& rows) {
    if (!record.expert_tokens.empty()) add_imbalance(record, "expert", record.expert_tokens, rows);
    if (record.rank_tokens.empty()) return;
    add_imbalance(record, "rank", record.rank_tokens, rows);
    if (node_count(record.topology) > 1)
        add_imbalance(record, "node", node_loads(record.rank_tokens, record.topology), rows);

    auto const sum = [](Array<int64_t, 3> const& a) {
        return static_cast<double>(std::accumulate(a.flat().begin(), a.flat().end(), int64_t{0}));
    };
    double const received = sum(record.rank_tokens), dropped = sum(record.dropped);
    auto const steps = static_cast<int64_t>(record.step.size());
    rows.add("dropped", dropped, "1", steps, "(token, expert) assignments dropped in a pass");
    rows.add("drop_rate", dropped / (received + dropped), "1", steps,
             "dropped / (dropped + assignments that ranks received)");
}

}  // namespace epsim
