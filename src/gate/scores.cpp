#include "gate/scores.hpp"

#include <algorithm>
#include <cmath>

namespace epsim {
namespace {

float softplus(float x) {
    return std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x)));
}

}  // namespace

void score_row(Score score, std::span<float const> x, std::span<float> out) {
    if (score == Score::softmax) {
        float const top = std::ranges::max(x);
        double sum = 0;
        for (std::size_t i = 0; i < x.size(); ++i) sum += out[i] = std::exp(x[i] - top);
        auto const scale = static_cast<float>(1 / sum);
        for (float& p : out) p *= scale;
    } else if (score == Score::sigmoid) {
        for (std::size_t i = 0; i < x.size(); ++i) out[i] = 1 / (1 + std::exp(-x[i]));
    } else {
        for (std::size_t i = 0; i < x.size(); ++i) out[i] = std::sqrt(softplus(x[i]));
    }
}

std::vector<float> score_all(Score score, Logits const& logits) {
    std::vector<float> scores(logits.value.size());
    auto const n = static_cast<std::size_t>(logits.experts);
    for (int64_t t = 0; t < logits.tokens(); ++t)
        score_row(score, logits.row(t),
                  std::span(scores).subspan(static_cast<std::size_t>(t) * n, n));
    return scores;
}

double log_sum_exp(std::span<float const> x) {
    double const top = std::ranges::max(x);
    double sum = 0;
    for (float const v : x) sum += std::exp(v - top);
    return top + std::log(sum);
}

}  // namespace epsim
