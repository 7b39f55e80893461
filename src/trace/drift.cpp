#include "trace/drift.hpp"

#include <cmath>
#include <limits>
#include <numeric>

namespace epsim {
namespace {

/// NaN if one of them is empty.
double distance(std::span<int64_t const> a, std::span<int64_t const> b) {
    auto const total = [](std::span<int64_t const> x) {
        return static_cast<double>(std::accumulate(x.begin(), x.end(), int64_t{0}));
    };
    double const of_a = total(a), of_b = total(b);
    if (of_a == 0 || of_b == 0) return std::numeric_limits<double>::quiet_NaN();
    double sum = 0;
    for (std::size_t e = 0; e < a.size(); ++e)
        sum += std::abs(static_cast<double>(a[e]) / of_a - static_cast<double>(b[e]) / of_b);
    return sum / 2;
}

}  // namespace

Drift::Drift(int num_experts, int64_t steps)
    : before_(static_cast<std::size_t>(num_experts)),
      first_(before_),
      second_(before_),
      steps_(steps) {}

void Drift::add_step(std::span<int64_t const> expert_tokens) {
    if (double const d = distance(before_, expert_tokens); step_ > 0 && !std::isnan(d)) {
        sum_ += d;
        ++neighbours_;
    }
    before_.assign(expert_tokens.begin(), expert_tokens.end());
    auto& half = step_ < steps_ / 2 ? first_ : second_;
    for (std::size_t e = 0; e < half.size(); ++e) half[e] += expert_tokens[e];
    ++step_;
}

double Drift::from_step_to_step() const noexcept {
    return neighbours_ == 0 ? std::numeric_limits<double>::quiet_NaN()
                            : sum_ / static_cast<double>(neighbours_);
}

double Drift::between_halves() const {
    return distance(first_, second_);
}

}  // namespace epsim
