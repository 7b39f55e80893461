#include "trace/distinct_sampler.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.hpp"

namespace epsim {
namespace {

/// Weights scaled so that their mean is 1; none overflows, those that vanish are never picked.
std::vector<double> scaled(std::span<double const> log_weight) {
    double const top = *std::ranges::max_element(log_weight);
    std::vector<double> weight;
    for (double const l : log_weight) weight.push_back(std::exp(l - top));
    double const mean =
        std::accumulate(weight.begin(), weight.end(), 0.0) / static_cast<double>(weight.size());
    for (double& w : weight) w /= mean;
    return weight;
}

}  // namespace

DistinctSampler::DistinctSampler(std::vector<double> log_weight, int draws)
    : log_weight_(std::move(log_weight)),
      cell_(log_weight_.size()),
      tries_(4 * static_cast<uint32_t>(draws) + 32) {
    check(draws >= 1 && static_cast<std::size_t>(draws) <= cell_.size(),
          "between one and all of the items are drawn");
    auto weight = scaled(log_weight_);
    std::vector<std::size_t> small, large;
    for (std::size_t i = 0; i < weight.size(); ++i) {
        cell_[i] = {UINT32_MAX, static_cast<int32_t>(i)};
        (weight[i] < 1 ? small : large).push_back(i);
    }
    while (!small.empty() && !large.empty()) {
        auto const s = small.back(), l = large.back();
        small.pop_back();
        cell_[s] = {static_cast<uint32_t>(weight[s] * 0x1p32), static_cast<int32_t>(l)};
        weight[l] -= 1 - weight[s];
        if (weight[l] < 1) {
            large.pop_back();
            small.push_back(l);
        }
    }
}

double DistinctSampler::log_key(PhiloxCounter const& word, int32_t item) const {
    // ln(-ln u / w): the same order, and no weight is too small for it.
    double const u = uniform01_open(word[0], word[1]);
    return std::log(-std::log(u)) - log_weight_[static_cast<std::size_t>(item)];
}

void DistinctSampler::take_least(Scratch& scratch, std::span<int32_t> item) {
    auto const middle = scratch.key.begin() + static_cast<std::ptrdiff_t>(item.size());
    std::partial_sort(scratch.key.begin(), middle, scratch.key.end());
    std::transform(scratch.key.begin(), middle, item.begin(),
                   [](auto const& key) { return key.second; });
}

}  // namespace epsim
