#include "trace/popularity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "core/error.hpp"
#include "trace/generator.hpp"
#include "trace/inclusion.hpp"

namespace epsim {
namespace {

using ::testing::HasSubstr;

/// P(each item is among k drawn one after the other), over all orders.
void add_orders(std::vector<double> const& share, int draws, double p, double left,
                std::vector<bool>& drawn, std::vector<double>& included) {
    if (draws == 0) return;
    for (std::size_t i = 0; i < share.size(); ++i) {
        if (drawn[i]) continue;
        double const here = p * share[i] / left;
        included[i] += here;
        drawn[i] = true;
        add_orders(share, draws - 1, here, left - share[i], drawn, included);
        drawn[i] = false;
    }
}

TEST(Inclusion, EqualsTheSumOverAllOrders) {
    std::mt19937 random(3);
    for (int const n : {2, 3, 5, 7})
        for (int k = 1; k <= n; ++k)
            for (double const spread : {0.0, 1.0, 4.0}) {
                std::vector<double> log_weight;
                for (int i = 0; i < n; ++i)
                    log_weight.push_back(spread * std::normal_distribution<>()(random));
                auto const share = shares(log_weight);
                std::vector<bool> drawn(share.size());
                std::vector<double> expected(share.size());
                add_orders(share, k, 1, 1, drawn, expected);
                for (std::size_t i = 0; i < share.size(); ++i)
                    EXPECT_NEAR(inclusion(share, i, k) / expected[i], 1, 2e-4)
                        << n << " " << k << " " << spread;
            }
}

std::vector<double> loads(RoutingSource const& source, StepId step = StepId{0}) {
    std::vector<double> load(static_cast<std::size_t>(source.info().num_experts));
    for (auto const e : source.read(step, LayerId{0}, {0, source.info().tokens_of(step)}).expert)
        ++load[static_cast<std::size_t>(index(e))];
    return load;
}

double vio(std::vector<double> const& load) {
    double const mean =
        std::accumulate(load.begin(), load.end(), 0.0) / static_cast<double>(load.size());
    return *std::ranges::max_element(load) / mean - 1;
}

TEST(Popularity, LogNormalHitsItsMaxVio) {
    for (auto const& [experts, k, target] : std::vector<std::tuple<int, int, double>>{{256, 8, 3},
                                                                                      {128, 8, 1},
                                                                                      {64, 6, 5},
                                                                                      {8, 2, 0.5},
                                                                                      {8, 2, 2.5},
                                                                                      {64, 1, 12},
                                                                                      {31, 5, 2}}) {
        auto const source = make_generator({.generator = "log-normal", .max_vio = target},
                                           {.per_step = 100000, .steps = 1}, experts, k, 1);
        EXPECT_NEAR(vio(loads(*source)) / target, 1, 0.05) << experts << " " << k;
    }
}

TEST(Popularity, HotExpertsGetTheirShare) {
    for (std::string const name : {"hot", "hot-rank", "spread-hot"})
        for (auto const& [experts, k, n, share] : std::vector<std::tuple<int, int, int, double>>{
                 {64, 6, 8, 0.5}, {64, 6, 8, 0.05}, {16, 2, 4, 0.99}, {12, 4, 3, 0.7}}) {
            int const sources = experts / n;  // so that a rank has n experts
            auto const source = make_generator({.generator = name,
                                                .hot_experts = n,
                                                .hot_share = share,
                                                .hot_rank = sources - 1,
                                                .sources = sources},
                                               {.per_step = 50000, .steps = 1}, experts, k, 1);
            auto load = loads(*source);
            auto hottest = load;
            std::ranges::sort(hottest, std::greater{});
            double const hot = std::accumulate(hottest.begin(), hottest.begin() + n, 0.0);
            double const all = 50000.0 * k;
            if (share < 0.3) {  // these are cold: the least popular
                double const cold = std::accumulate(hottest.end() - n, hottest.end(), 0.0);
                EXPECT_NEAR(cold / all, share, 0.01);
                continue;
            }
            EXPECT_NEAR(hot / all, share, 0.01);
            std::vector<int> on_rank(static_cast<std::size_t>(sources));
            for (std::size_t e = 0; e < load.size(); ++e)
                if (load[e] >= hottest[static_cast<std::size_t>(n) - 1])
                    ++on_rank[e * static_cast<std::size_t>(sources) / load.size()];
            if (name == "hot-rank") {
                EXPECT_EQ(on_rank.back(), n);
            }
            if (name == "spread-hot") {
                EXPECT_LE(*std::ranges::max_element(on_rank), (n + sources - 1) / sources);
            }
        }
}

TEST(Popularity, DirichletHasItsMomentsAndOtherLayersOtherDraws) {
    // Of one draw a token, loads are multinomial with Dirichlet(a) shares: the variance of a share
    // is m (1 - m) / (E a + 1), m = 1 / E.
    constexpr int experts = 50, layers = 200;
    for (double const a : {0.05, 0.5, 3.0}) {
        double sum_of_squares = 0;
        for (int l = 0; l < layers; ++l) {
            RoutingOptions const routing{.generator = "dirichlet", .dirichlet_alpha = a};
            auto const log_weight =
                popularity_models()[4].log_weights(PopularityCase{routing, experts, 1, LayerId{l}});
            ASSERT_EQ(popularity_models()[4].name, "dirichlet");
            ASSERT_TRUE(std::ranges::is_sorted(log_weight, std::greater{}));
            for (double const p : shares(log_weight))
                sum_of_squares += (p - 1.0 / experts) * (p - 1.0 / experts);
        }
        double const m = 1.0 / experts;
        EXPECT_NEAR(sum_of_squares / (experts * layers) / (m * (1 - m) / (experts * a + 1)), 1, 0.2)
            << a;
    }
}

TEST(Popularity, PowerLawWeightsLieInTheirRange) {
    for (double const alpha : {0.0, 0.5, 1.0, 1.01, 3.0}) {
        RoutingOptions const routing{
            .generator = "power-law", .power_law_alpha = alpha, .power_law_range = 100};
        auto const w =
            popularity_models()[2].log_weights(PopularityCase{routing, 1000, 1, LayerId{0}});
        ASSERT_EQ(popularity_models()[2].name, "power-law");
        EXPECT_TRUE(std::ranges::is_sorted(w, std::greater{}));
        // The cumulative distribution at each quantile, by integrating the density.
        for (int const place : {1, 10, 500, 1000}) {
            double const x = std::exp(w[static_cast<std::size_t>(place) - 1]);
            auto const integral = [&](double to) {
                double sum = 0, step = std::log(to) / 2000;
                for (int i = 0; i < 2000; ++i)
                    sum += step * std::exp((i + 0.5) * step * (1 - alpha));
                return sum;
            };
            EXPECT_NEAR(integral(x) / integral(100), (1000 - place + 0.5) / 1000, 1e-4);
        }
    }
}

std::string complaint(RoutingOptions const& routing) {
    try {
        make_generator(routing, {.per_step = 8, .steps = 1}, 8, 2, 1);
    } catch (InputError const& e) {
        return e.what();
    }
    return "none";
}

TEST(Popularity, SaysWhatIsOutOfRange) {
    EXPECT_THAT(complaint({.generator = "log-normal", .max_vio = 3}), HasSubstr("routing.max_vio"));
    EXPECT_THAT(complaint({.generator = "log-normal", .sigma = -1}), HasSubstr("routing.sigma"));
    EXPECT_THAT(complaint({.generator = "power-law", .power_law_range = 0.5}),
                HasSubstr("routing.power_law_range"));
    EXPECT_THAT(complaint({.generator = "power-law", .power_law_alpha = NAN}),
                HasSubstr("routing.power_law_alpha"));
    EXPECT_THAT(complaint({.generator = "dirichlet", .dirichlet_alpha = 0}),
                HasSubstr("routing.dirichlet_alpha"));
    EXPECT_THAT(complaint({.generator = "hot", .hot_experts = 9}), HasSubstr("hot_experts"));
    EXPECT_THAT(complaint({.generator = "hot", .hot_experts = 1, .hot_share = 0.6}),
                HasSubstr("2 distinct experts, of 1 hot and 7 other ones"));
    EXPECT_THAT(complaint({.generator = "hot-rank", .hot_rank = 4, .sources = 4}),
                HasSubstr("routing.hot_rank"));
}

}  // namespace
}  // namespace epsim
