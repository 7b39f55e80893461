#include "gate/top_k_gates.hpp"

#include <limits>
#include <numeric>

#include "core/error.hpp"
#include "gate/top_k.hpp"

namespace epsim {
namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

/// Put these experts as a token's, weighed by their scores.
void weigh(RoutingBatch& batch, int64_t token, std::span<int const> chosen,
           std::span<float const> score, Weighing weighing) {
    double sum = 0;
    for (int const e : chosen) sum += score[static_cast<std::size_t>(e)];
    double const scale = weighing.route_scale / (weighing.renormalise && sum > 0 ? sum : 1);
    for (std::size_t c = 0; c < chosen.size(); ++c)
        choose(batch, token, static_cast<int>(c), chosen[c],
               static_cast<float>(score[static_cast<std::size_t>(chosen[c])] * scale));
}

/// Leaves the best groups' entries of `select` and takes the others out.
class GroupMask {
public:
    explicit GroupMask(GroupLimit limit) : limit_(limit) {}
    void apply(std::span<float> select) {
        auto const size = select.size() / static_cast<std::size_t>(limit_.groups);
        score_.clear();
        for (std::size_t g = 0; g < select.size(); g += size) {
            auto const group = select.subspan(g, size);
            int const n = limit_.score == GroupScore::top2_sum && size > 1 ? 2 : 1;
            float sum = 0;
            for (int const e : members_.largest(group, n))
                sum += group[static_cast<std::size_t>(e)];
            score_.push_back(sum);
        }
        kept_.assign(score_.size(), false);
        for (int const g : groups_.largest(score_, limit_.kept))
            kept_[static_cast<std::size_t>(g)] = true;
        for (std::size_t e = 0; e < select.size(); ++e)
            if (!kept_[e / size]) select[e] = never;
    }

private:
    GroupLimit limit_;
    TopK members_, groups_;
    std::vector<float> score_;  // [groups]
    std::vector<bool> kept_;    // [groups]
};

}  // namespace

RoutingBatch softmax_gate(Logits const& logits, int k, Weighing weighing) {
    auto batch = start_batch(logits, k);
    std::vector<float> p(static_cast<std::size_t>(logits.experts));
    TopK top;
    for (int64_t t = 0; t < logits.tokens(); ++t) {
        score_row(Score::softmax, logits.row(t), p);
        // By x: of two x, the larger may have the same p after rounding.
        weigh(batch, t, top.largest(logits.row(t), k), p, weighing);
    }
    return batch;
}

RoutingBatch topk_softmax_gate(Logits const& logits, int k, double route_scale) {
    auto batch = start_batch(logits, k);
    std::vector<float> x(static_cast<std::size_t>(k));
    TopK top;
    for (int64_t t = 0; t < logits.tokens(); ++t) {
        auto const chosen = top.largest(logits.row(t), k);
        for (std::size_t c = 0; c < x.size(); ++c)
            x[c] = logits.row(t)[static_cast<std::size_t>(chosen[c])];
        score_row(Score::softmax, x, x);
        for (std::size_t c = 0; c < x.size(); ++c)
            choose(batch, t, static_cast<int>(c), chosen[c],
                   static_cast<float>(x[c] * route_scale));
    }
    return batch;
}

RoutingBatch biased_gate(Logits const& logits, int k, Score score, std::span<float const> bias,
                         Weighing weighing, GroupLimit groups) {
    auto batch = start_batch(logits, k);
    auto const experts = static_cast<std::size_t>(logits.experts);
    check(bias.empty() || bias.size() == experts, "every expert has a bias, or none has");
    check(groups.groups >= 1 && groups.kept >= 1 && groups.kept <= groups.groups &&
              logits.experts % groups.groups == 0 &&
              k <= groups.kept * (logits.experts / groups.groups),
          "a token's groups have k experts");
    std::vector<float> s(experts), select(experts);
    TopK top;
    GroupMask mask(groups);
    for (int64_t t = 0; t < logits.tokens(); ++t) {
        score_row(score, logits.row(t), s);
        for (std::size_t e = 0; e < experts; ++e) select[e] = bias.empty() ? s[e] : s[e] + bias[e];
        if (groups.groups > 1) mask.apply(select);
        weigh(batch, t, top.largest(select, k), s, weighing);
    }
    return batch;
}

void update_bias(std::span<int64_t const> counts, double rate, std::span<float> bias) {
    int64_t const sum = std::accumulate(counts.begin(), counts.end(), int64_t{0});
    auto const n = static_cast<int64_t>(counts.size());
    for (std::size_t e = 0; e < counts.size(); ++e) {
        int64_t const below = sum - counts[e] * n;  // n (mean - c), exact
        bias[e] += static_cast<float>(below > 0 ? rate : below < 0 ? -rate : 0);
    }
}

}  // namespace epsim
