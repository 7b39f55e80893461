#include "gate/health.hpp"

#include <cmath>
#include <limits>

#include "gate/scores.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class T>
double squared_cv(std::span<T const> values) {
    auto const n = static_cast<double>(values.size());
    double sum = 0, squares = 0;
    for (T const v : values) sum += static_cast<double>(v);
    double const mean = sum / n;
    for (T const v : values)
        squares += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean);
    return squares / n / (mean * mean);
}

/// -sum q ln q of the shares q, not yet over ln n.
template <class T>
double entropy_of(std::span<T const> values) {
    double sum = 0, entropy = 0;
    for (T const v : values) sum += static_cast<double>(v);
    for (T const v : values)
        if (double const q = static_cast<double>(v) / sum; q > 0) entropy -= q * std::log(q);
    return entropy;
}

/// Over its largest value; of one expert alone, 1.
double relative(double entropy, std::size_t experts) {
    return experts == 1 ? 1 : entropy / std::log(static_cast<double>(experts));
}

}  // namespace

RoutingSums routing_sums(RoutingBatch const& chosen, Logits const& logits, int experts) {
    auto const n = static_cast<std::size_t>(experts);
    bool const known = logits.experts > 0;
    RoutingSums sums{chosen.tokens(),         std::vector<int64_t>(n),
                     std::vector<int64_t>(n), std::vector<double>(n, known ? 0 : nan),
                     std::vector<double>(n),  known ? 0 : nan,
                     known ? 0 : nan,         0};
    auto const k = static_cast<std::size_t>(chosen.top_k);
    for (std::size_t at = 0; at < chosen.expert.size(); ++at) {
        if (chosen.expert[at] == no_expert) continue;
        auto const e = static_cast<std::size_t>(index(chosen.expert[at]));
        ++sums.chosen[e];
        sums.first[e] += at % k == 0;
        sums.importance[e] += chosen.weight[at];
        sums.weight += chosen.weight[at];
    }
    std::vector<float> p(n);
    for (int64_t t = 0; t < logits.tokens(); ++t) {
        score_row(Score::softmax, logits.row(t), p);
        for (std::size_t e = 0; e < n; ++e) sums.probability[e] += p[e];
        double const lse = log_sum_exp(logits.row(t));
        sums.squared_lse += lse * lse;
        sums.entropy += entropy_of<float>(p);
    }
    return sums;
}

std::vector<double> health_figures(RoutingSums const& sums, int top_k, double dropped_weight,
                                   double capacity) {
    auto const tokens = static_cast<double>(sums.tokens);
    auto const experts = static_cast<double>(sums.chosen.size());
    double chosen = 0, first = 0;  // sum_i c_i P_i and g_i P_i, over T
    for (std::size_t e = 0; e < sums.chosen.size(); ++e) {
        chosen += static_cast<double>(sums.chosen[e]) * sums.probability[e] / (tokens * tokens);
        first += static_cast<double>(sums.first[e]) * sums.probability[e] / (tokens * tokens);
    }
    return {experts * chosen / top_k,
            experts * chosen,
            experts * first,
            first / experts,
            sums.squared_lse / tokens,
            squared_cv<double>(sums.importance),
            squared_cv<int64_t>(sums.chosen),
            relative(entropy_of<int64_t>(sums.chosen), sums.chosen.size()),
            relative(sums.entropy / tokens, sums.chosen.size()),
            sums.weight > 0 ? dropped_weight / sums.weight : 0,
            capacity};
}

}  // namespace epsim
