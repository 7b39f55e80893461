#include "gate/varied_gates.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "gate/gate_draws.hpp"
#include "gate/top_k.hpp"
#include "gate/top_k_gates.hpp"

namespace epsim {

RoutingBatch top_p_gate(Logits const& logits, int k_max, double share) {
    auto batch = softmax_gate(logits, k_max, {});
    for (int64_t t = 0; t < logits.tokens(); ++t) {
        double sum = 0;
        for (int c = 0; c < k_max; ++c) {
            if (sum >= share) choose(batch, t, c, index(no_expert), 0);
            sum += batch.weight[static_cast<std::size_t>(t * k_max + c)];
        }
    }
    return batch;
}

RoutingBatch dense_gate(Logits const& logits) {
    return softmax_gate(logits, logits.experts, {});
}

RoutingBatch hierarchical_gate(Logits const& groups, Logits const& experts, int k_groups,
                               int k_inside) {
    check(groups.experts >= 1 && experts.experts % groups.experts == 0 &&
              groups.tokens() == experts.tokens(),
          "groups are of one size, and of the same tokens");
    int const size = experts.experts / groups.experts;
    auto const primary = topk_softmax_gate(groups, k_groups);
    // Every group of a token as a token of its own.
    auto const secondary = topk_softmax_gate({experts.value, size}, k_inside);
    auto batch = start_batch(experts, k_groups * k_inside);
    for (int64_t t = 0; t < experts.tokens(); ++t)
        for (int g = 0; g < k_groups; ++g) {
            auto const of = static_cast<std::size_t>(t * k_groups + g);
            int const group = index(primary.expert[of]);
            for (int c = 0; c < k_inside; ++c) {
                auto const at =
                    static_cast<std::size_t>((t * groups.experts + group) * k_inside + c);
                choose(batch, t, g * k_inside + c, group * size + index(secondary.expert[at]),
                       primary.weight[of] * secondary.weight[at]);
            }
        }
    return batch;
}

std::vector<float> group_logits(Logits const& experts, int groups) {
    std::vector<float> sums;
    Logits const members{experts.value, experts.experts / groups};
    for (int64_t g = 0; g < members.tokens(); ++g)
        sums.push_back(static_cast<float>(log_sum_exp(members.row(g))));
    return sums;
}

RoutingBatch hash_gate(Logits const& logits, Score score, std::span<ExpertId const> chosen, int k) {
    auto batch = start_batch(logits, k);
    check(chosen.size() == batch.expert.size(), "every token has k experts in the table");
    std::vector<float> s(static_cast<std::size_t>(logits.experts));
    for (int64_t t = 0; t < logits.tokens(); ++t) {
        auto const row =
            chosen.subspan(static_cast<std::size_t>(t * k), static_cast<std::size_t>(k));
        score_row(score, logits.row(t), s);
        double sum = 0;
        for (ExpertId const e : row) sum += s[static_cast<std::size_t>(index(e))];
        for (int c = 0; c < k; ++c) {
            int const e = index(row[static_cast<std::size_t>(c)]);
            double const weight = sum > 0 ? s[static_cast<std::size_t>(e)] / sum : 1.0 / k;
            choose(batch, t, c, e, static_cast<float>(weight));
        }
    }
    return batch;
}

std::vector<ExpertId> table_row(uint64_t seed, LayerId layer, int64_t token_id, int experts,
                                int k) {
    GateDraws const draws(seed, StepId{-1}, layer);  // the table is the same in every step
    std::vector<ExpertId> row;
    // Floyd's sample without replacement (Bentley and Floyd 1987), one draw an expert.
    for (int last = experts - k; last < experts; ++last) {
        uint64_t const word = draws.word(Draw::table, token_id, static_cast<uint32_t>(row.size()));
        ExpertId const e{static_cast<int32_t>(word * static_cast<uint64_t>(last + 1) >> 32)};
        row.push_back(std::ranges::find(row, e) == row.end() ? e : ExpertId{last});
    }
    return row;
}

}  // namespace epsim
