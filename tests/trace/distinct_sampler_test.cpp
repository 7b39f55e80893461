#include "trace/distinct_sampler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "trace/inclusion.hpp"

namespace epsim {
namespace {

/// The probability of every ordered outcome, by brute force.
void add_outcomes(std::vector<double> const& share, std::size_t draws, std::vector<int32_t>& so_far,
                  double p, double left, std::map<std::vector<int32_t>, double>& all) {
    if (so_far.size() == draws) {
        all[so_far] = p;
        return;
    }
    for (std::size_t i = 0; i < share.size(); ++i) {
        auto const item = static_cast<int32_t>(i);
        if (std::ranges::find(so_far, item) != so_far.end()) continue;
        so_far.push_back(item);
        add_outcomes(share, draws, so_far, p * share[i] / left, left - share[i], all);
        so_far.pop_back();
    }
}

TEST(DistinctSampler, OrderedOutcomesHaveTheirProbabilities) {
    std::mt19937 random(11);
    uint64_t seed = 1;
    for (auto const& [n, k] :
         std::vector<std::pair<int, int>>{{1, 1}, {2, 2}, {3, 2}, {5, 3}, {6, 2}, {4, 4}, {17, 1}})
        for (double const spread : {0.0, 1.0, 3.0}) {
            std::vector<double> log_weight;
            for (int i = 0; i < n; ++i)
                log_weight.push_back(spread * std::normal_distribution<>()(random));
            std::map<std::vector<int32_t>, double> expected;
            std::vector<int32_t> so_far;
            add_outcomes(shares(log_weight), static_cast<std::size_t>(k), so_far, 1, 1, expected);

            constexpr int64_t tokens = 200001;  // the last tile is not full
            auto const draws = static_cast<std::size_t>(k);
            std::vector<int32_t> item(static_cast<std::size_t>(tokens) * draws);
            TokenWords const words(CounterRng(++seed, RngStream::routing), StepId{0}, LayerId{0});
            DistinctSampler(log_weight, k).draw(words, 3, {0, tokens}, item);
            std::map<std::vector<int32_t>, int64_t> count;
            for (auto i = item.begin(); i != item.end(); i += k)
                ++count[std::vector<int32_t>(i, i + k)];
            double chi2 = 0, freedom = -1, rare_p = 0, rare_n = 0;
            auto const add = [&](double p, double seen) {
                chi2 += std::pow(seen - p * tokens, 2) / (p * tokens);
                ++freedom;
            };
            for (auto const& [outcome, p] : expected) {
                auto const seen = static_cast<double>(count[outcome]);
                if (p * tokens < 10)
                    rare_p += p, rare_n += seen;  // together
                else
                    add(p, seen);
            }
            if (rare_p * tokens >= 10) add(rare_p, rare_n);
            EXPECT_LE(count.size(), expected.size());
            EXPECT_LE(chi2, freedom + 5 * std::sqrt(2 * freedom) + 5 * (freedom > 0))
                << n << " " << k << " " << spread;
        }
}

}  // namespace
}  // namespace epsim
