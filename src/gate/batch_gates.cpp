#include "gate/batch_gates.hpp"

#include <cmath>

#include "core/error.hpp"
#include "gate/scores.hpp"
#include "gate/top_k.hpp"

namespace epsim {

RoutingBatch expert_choice_gate(Logits const& logits, int k, int most_choices,
                                std::span<int64_t const> tokens, int64_t step_tokens,
                                SumOverRanks const& sum) {
    auto batch = start_batch(logits, most_choices);
    auto const experts = static_cast<std::size_t>(logits.experts);
    auto const p = score_all(Score::softmax, logits);
    int const token_bits = bits_for(step_tokens);
    std::vector<uint64_t> key(p.size());
    std::vector<int32_t> group(p.size());
    for (std::size_t i = 0; i < p.size(); ++i) {
        group[i] = static_cast<int32_t>(i % experts);
        key[i] = descending_key(p[i]) << token_bits | static_cast<uint64_t>(tokens[i / experts]);
    }
    int64_t const capacity = (step_tokens * k + logits.experts - 1) / logits.experts;
    std::vector<int64_t> const room(experts, capacity);
    auto const taken = smallest_of_groups(key, group, room, descending_key_bits + token_bits, sum);

    std::vector<float> takers(experts);
    TopK top;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
        for (std::size_t e = 0; e < experts; ++e)
            takers[e] = taken[t * experts + e] ? p[t * experts + e] : -1;
        auto const best = top.largest(takers, most_choices);
        for (std::size_t c = 0; c < best.size(); ++c)
            if (float const weight = takers[static_cast<std::size_t>(best[c])]; weight >= 0)
                choose(batch, static_cast<int64_t>(t), static_cast<int>(c), best[c], weight);
    }
    return batch;
}

RoutingBatch sinkhorn_gate(Logits const& logits, int k, int64_t step_tokens,
                           SumOverRanks const& sum) {
    constexpr double tolerance = 1e-4, epsilon = 1e-8, unit = 0x1p34;
    constexpr int most_rounds = 1000;
    auto batch = start_batch(logits, k);
    auto const experts = static_cast<std::size_t>(logits.experts);
    auto const rows = static_cast<std::size_t>(logits.tokens());
    std::vector<double> cost(logits.value.begin(), logits.value.end());
    for (double& c : cost) c = std::exp(c);

    std::vector<double> d1(experts, 1.0), old(experts);
    std::vector<int64_t> shares(experts);  // [E] sum over tokens of d0 C d1 T, in `unit`
    double change = INFINITY;
    for (int round = 0; change > tolerance && round < most_rounds; ++round) {
        std::ranges::fill(shares, 0);
        for (std::size_t t = 0; t < rows; ++t) {
            double const* row = cost.data() + t * experts;
            double of_row = 0;
            for (std::size_t e = 0; e < experts; ++e) of_row += row[e] * d1[e];
            for (std::size_t e = 0; e < experts; ++e)
                shares[e] += std::llround(row[e] * d1[e] / (of_row + epsilon) * unit);
        }
        sum(shares);
        old = d1;
        change = 0;
        for (std::size_t e = 0; e < experts; ++e) {
            double const column =
                static_cast<double>(shares[e]) / unit / static_cast<double>(step_tokens) / old[e];
            d1[e] = 1 / (static_cast<double>(experts) * (column + epsilon));
            change += std::abs(d1[e] - old[e]) / static_cast<double>(experts);
        }
    }

    std::vector<float> scaled(experts), weight(experts);
    TopK top;
    for (std::size_t t = 0; t < rows; ++t) {
        for (std::size_t e = 0; e < experts; ++e)
            scaled[e] = static_cast<float>(cost[t * experts + e] * d1[e]);
        score_row(k == 1 ? Score::sigmoid : Score::softmax, logits.row(static_cast<int64_t>(t)),
                  weight);
        auto const best = top.largest(scaled, k);
        for (std::size_t c = 0; c < best.size(); ++c)
            choose(batch, static_cast<int64_t>(t), static_cast<int>(c), best[c],
                   weight[static_cast<std::size_t>(best[c])]);
    }
    return batch;
}

}  // namespace epsim
