#include "trace/coactivation.hpp"

#include <cmath>
#include <limits>

#include "core/error.hpp"

namespace epsim {

Coactivation::Coactivation(int num_experts)
    : n_(static_cast<std::size_t>(num_experts)), count_(n_ * n_), pairs_(n_) {
    check(num_experts <= most_paired_experts, "pairs of so many experts fit memory");
}

void Coactivation::add(RoutingBatch const& batch) {
    auto const k = static_cast<std::size_t>(batch.top_k);
    for (std::size_t t = 0; t < batch.expert.size(); t += k)
        for (std::size_t i = t; i < t + k; ++i)
            for (std::size_t j = i + 1; j < t + k; ++j) {
                if (batch.expert[i] == no_expert || batch.expert[j] == no_expert) continue;
                auto const a = static_cast<std::size_t>(index(batch.expert[i]));
                auto const b = static_cast<std::size_t>(index(batch.expert[j]));
                ++count_[std::min(a, b) * n_ + std::max(a, b)];
                ++pairs_[a];
                ++pairs_[b];
            }
}

template <class Visit>
void Coactivation::each_pair(Visit const& visit) const {
    for (std::size_t i = 0; i < n_; ++i)
        for (std::size_t j = i + 1; j < n_; ++j)
            visit(i, j, count_[i * n_ + j],
                  static_cast<double>(pairs_[i]) * static_cast<double>(pairs_[j]));
}

Coactivation::Pair Coactivation::strongest() const {
    double all = 0, product = 0, of_best = 0;
    Pair best;
    each_pair([&](std::size_t i, std::size_t j, int64_t tokens, double expected) {
        all += static_cast<double>(tokens);
        product += expected;
        if (tokens <= best.tokens) return;
        best = {static_cast<int>(i), static_cast<int>(j), tokens, 0};
        of_best = expected;
    });
    if (best.tokens > 0) best.lift = static_cast<double>(best.tokens) / all / (of_best / product);
    return best;
}

double Coactivation::distance() const {
    double all = 0, product = 0, sum = 0;
    each_pair([&](std::size_t, std::size_t, int64_t tokens, double expected) {
        all += static_cast<double>(tokens);
        product += expected;
    });
    if (all == 0) return std::numeric_limits<double>::quiet_NaN();
    each_pair([&](std::size_t, std::size_t, int64_t tokens, double expected) {
        sum += std::abs(static_cast<double>(tokens) / all - expected / product);
    });
    return sum / 2;
}

}  // namespace epsim
