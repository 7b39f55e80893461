#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "core/error.hpp"
#include "trace/generator.hpp"
#include "trace/statistics.hpp"
#include "trace/step_popularity.hpp"

namespace epsim {
namespace {

using ::testing::HasSubstr;

std::vector<ExpertId> experts_of(RoutingSource const& source, int step = 0, int layer = 0) {
    auto const n = source.info().tokens_of(StepId{step});
    return source.read(StepId{step}, LayerId{layer}, {0, n}).expert;
}

std::vector<int64_t> loads(RoutingSource const& source, int step = 0, int layer = 0) {
    std::vector<int64_t> load(static_cast<std::size_t>(source.info().num_experts));
    for (auto const e : experts_of(source, step, layer)) ++load[static_cast<std::size_t>(index(e))];
    return load;
}

int busiest(std::vector<int64_t> const& load) {
    return static_cast<int>(std::ranges::max_element(load) - load.begin());
}

int64_t spread(std::vector<int64_t> const& load) {
    auto const [least, most] = std::ranges::minmax(load);
    return most - least;
}

TEST(Balanced, EveryStepSourceExpertAndRankGetsTheSame) {
    std::mt19937 random(std::random_device{}());
    for (int const ranks : {2, 3, 4, 8, 16, 32, 64})
        for (int const per_rank : {1, 7, 128})
            for (double const ragged : {0.0, 1.0}) {
                int const of_rank = 1 + static_cast<int>(random() % 6), experts = ranks * of_rank;
                int const k =
                    1 + static_cast<int>(random() % static_cast<unsigned>(std::min(experts, 9)));
                SCOPED_TRACE(testing::Message() << ranks << " ranks, " << experts << " experts, k "
                                                << k << ", " << per_rank << " tokens");
                auto const source =
                    make_generator({.generator = "balanced", .sources = ranks, .ragged = ragged},
                                   {.per_rank = per_rank, .steps = 3}, experts, k, 2);
                for (int step = 0; step < 3; ++step)
                    for (int layer = 0; layer < 2; ++layer) {
                        auto const chosen = experts_of(*source, step, layer);
                        auto const from = source->column(TokenColumn::source_rank, StepId{step},
                                                         {0, int64_t{per_rank} * ranks});
                        auto const e_count = static_cast<std::size_t>(experts);
                        auto const r_count = static_cast<std::size_t>(ranks);
                        std::vector<int64_t> expert(e_count), rank(r_count);
                        std::vector<std::vector<int64_t>> of_source(r_count, expert),
                            rank_of_source(r_count, rank);
                        for (std::size_t i = 0; i < chosen.size(); ++i) {
                            auto const e = static_cast<std::size_t>(index(chosen[i]));
                            auto const r = e * r_count / e_count;
                            auto const s =
                                static_cast<std::size_t>(from[i / static_cast<std::size_t>(k)]);
                            ++expert[e], ++rank[r], ++of_source[s][e], ++rank_of_source[s][r];
                        }
                        int64_t const total = int64_t{per_rank} * ranks * k;
                        EXPECT_EQ(spread(expert), total % experts == 0 ? 0 : 1);
                        EXPECT_EQ(spread(rank), total % ranks == 0 ? 0 : 1);
                        for (std::size_t s = 0; s < r_count; ++s) {
                            EXPECT_LE(spread(of_source[s]), 1);
                            EXPECT_LE(spread(rank_of_source[s]), 1);
                        }
                    }
            }
}

TEST(Balanced, TokensAreSpreadAndStepsDiffer) {
    auto const source = make_generator({.generator = "balanced", .sources = 8},
                                       {.per_rank = 16, .steps = 2}, 64, 8, 1);
    auto const chosen = experts_of(*source);
    for (std::size_t t = 0; t < chosen.size(); t += 8) {
        std::set<int> ranks;
        for (std::size_t j = t; j < t + 8; ++j) ranks.insert(index(chosen[j]) / 8);
        EXPECT_EQ(ranks.size(), 8u);
    }
    EXPECT_NE(chosen, experts_of(*source, 1));
}

TEST(Sources, RaggedAndEmpty) {
    auto const offsets = [](double ragged, int empty, int sources, int64_t n) {
        SourceShares const shares({.sources = sources, .ragged = ragged, .empty_source = empty}, n);
        return std::vector<int64_t>(shares.offset().begin(), shares.offset().end());
    };
    for (int64_t const n : {1, 2, 100, 100003}) {
        auto const ragged = offsets(1, -1, 16, n), empty = offsets(0, 5, 16, n);
        EXPECT_EQ(ragged.size(), 17u);
        EXPECT_TRUE(std::ranges::is_sorted(ragged));
        EXPECT_EQ(ragged.back(), n);
        EXPECT_EQ(empty.back(), n);
        EXPECT_EQ(empty[5], empty[6]);
        for (std::size_t s = 0; s < 16; ++s)
            EXPECT_NEAR(static_cast<double>(empty[s + 1] - empty[s]), s == 5 ? 0 : n / 15.0,
                        s == 5 ? 0 : 1);
    }
    double sum = 0, squares = 0;  // of the logarithms of 2000 sources' tokens
    auto const many = offsets(0.7, -1, 2000, 200'000'000);
    for (std::size_t s = 0; s < 2000; ++s) {
        double const x = std::log(static_cast<double>(many[s + 1] - many[s]));
        sum += x, squares += x * x;
    }
    EXPECT_NEAR(std::sqrt(squares / 2000 - sum / 2000 * sum / 2000), 0.7, 0.05);
    EXPECT_THROW(offsets(0, 3, 3, 8), InputError);
    EXPECT_THROW(offsets(0, 0, 1, 8), InputError);
    EXPECT_THROW(offsets(-1, -1, 2, 8), InputError);
}

TEST(Rotation, MovesOnAfterSoManySteps) {
    RoutingOptions const four_hot{
        .generator = "hot", .hot_experts = 4, .hot_share = 0.9, .rotate_every = 2};
    auto const source = make_generator(four_hot, {.per_step = 4000, .steps = 9}, 16, 2, 1);
    auto const hot_set = [&](int step) {
        std::set<std::size_t> hot;
        auto const load = loads(*source, step);
        for (std::size_t e = 0; e < load.size(); ++e)
            if (load[e] > 1000) hot.insert(e);
        return hot;
    };
    std::set<std::size_t> all;
    for (int step = 0; step < 8; step += 2) {
        EXPECT_EQ(hot_set(step).size(), 4u);
        EXPECT_EQ(hot_set(step), hot_set(step + 1));
        all.merge(hot_set(step));
    }
    EXPECT_EQ(all.size(), 16u);
    EXPECT_EQ(hot_set(8), hot_set(0));

    auto const rank = make_generator({.generator = "hot-rank", .rotate_every = 1, .sources = 4},
                                     {.per_step = 4000, .steps = 5}, 16, 2, 1);
    for (int step = 0; step < 5; ++step) EXPECT_EQ(busiest(loads(*rank, step)) / 4, step % 4);
}

TEST(Burst, FavoursOthersEachTime) {
    auto const source = make_generator({.generator = "uniform",
                                        .burst_every = 5,
                                        .burst_length = 2,
                                        .burst_experts = 3,
                                        .burst_factor = 30},
                                       {.per_step = 6400, .steps = 50}, 64, 1, 1);
    std::set<int> favoured;
    for (int step = 0; step < 50; ++step) {
        auto const load = loads(*source, step);
        auto const high = std::ranges::count_if(load, [](int64_t n) { return n > 600; });
        EXPECT_EQ(high, step % 5 < 2 ? 3 : 0) << step;
        if (step % 5 != 0) continue;
        favoured.insert(busiest(load));  // 30 of 3 x 30 + 61
        EXPECT_NEAR(static_cast<double>(load[static_cast<std::size_t>(busiest(load))]),
                    6400 * 30 / 151.0, 150);
    }
    EXPECT_GE(favoured.size(), 8u);
}

TEST(Drift, IsARandomWalk) {
    constexpr int experts = 400;
    double const sigma = 0.1;
    StepPopularity const walk(popularity_models()[0].log_weights,
                              {.generator = "uniform", .drift = sigma}, experts, 2);
    auto const at = [&](int step) { return walk.log_weights(StepId{step}, LayerId{1}); };
    auto const variance = [&](std::vector<double> const& a, std::vector<double> const& b) {
        double sum = 0;
        for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
        return sum / experts / (sigma * sigma);
    };
    for (auto const& [from, to] :
         std::vector<std::pair<int, int>>{{0, 1}, {1, 2}, {7, 8}, {100, 200}, {3, 1000}})
        EXPECT_NEAR(variance(at(from), at(to)) / (to - from), 1, 5 * std::sqrt(2.0 / experts));
    double product = 0;  // increments are independent
    for (std::size_t i = 0; i < experts; ++i)
        product += (at(11)[i] - at(10)[i]) * (at(12)[i] - at(11)[i]);
    EXPECT_NEAR(product / experts / (sigma * sigma), 0, 5 / std::sqrt(experts));
}

TEST(Affinity, SourcesHaveTheirOwnFavourites) {
    auto const source =
        make_generator({.generator = "zipf", .zipf_s = 2, .affinity = 0.75, .sources = 8},
                       {.per_rank = 4000, .steps = 1}, 64, 1, 1);
    auto const chosen = experts_of(*source);
    std::map<int, int64_t> favourites;  // over all
    std::set<int> own;
    for (std::size_t s = 0; s < 8; ++s) {
        std::vector<int64_t> load(64);
        for (std::size_t t = 0; t < 4000; ++t)
            ++load[static_cast<std::size_t>(index(chosen[s * 4000 + t]))];
        // zipf 2 over 64: the first has 0.62; 3/4 of the tokens follow the own order.
        EXPECT_NEAR(static_cast<double>(load[static_cast<std::size_t>(busiest(load))]) / 4000,
                    0.75 * 0.62, 0.06);
        own.insert(busiest(load));
    }
    EXPECT_GE(own.size(), 6u);
    EXPECT_THROW(make_generator({.generator = "uniform", .affinity = 0.5, .sources = 2},
                                {.per_step = 8}, 8, 2, 1),
                 InputError);
}

double reuse_of(double c) {
    auto const source = make_generator({.generator = "zipf", .reuse = c},
                                       {.per_step = 30000, .steps = 1}, 64, 6, 1);
    return count_trace(*source)[0].reuse();
}

TEST(Scores, HaveTheDistributionOfSuccessiveDraws) {
    // The same popularity by both samplers: with one group, and scores used up by layers alone.
    auto const count = [](RoutingOptions const& routing) {
        return loads(*make_generator(routing, {.per_step = 60000, .steps = 1}, 16, 4, 3), 0, 2);
    };
    auto const independent = count({.generator = "zipf"});
    for (RoutingOptions const& routing :
         {RoutingOptions{.generator = "zipf", .layer_correlation = 0.5},
          RoutingOptions{.generator = "zipf", .groups = 4, .groups_kept = 4}}) {
        auto const scores = count(routing);
        double chi2 = 0;
        for (std::size_t e = 0; e < 16; ++e)
            chi2 += std::pow(static_cast<double>(scores[e] - independent[e]), 2) /
                    static_cast<double>(scores[e] + independent[e]);
        EXPECT_LT(chi2, 45);  // 15 degrees of freedom at most: p = 1e-4
        EXPECT_GT(chi2, 1);
    }
}

TEST(Scores, ReuseGrowsAndEveryRangeReadsTheSame) {
    double before = reuse_of(0);
    for (double const c : {0.3, 0.6, 0.9, 0.99}) {
        double const now = reuse_of(c);
        EXPECT_GT(now, before + 0.05);
        before = now;
    }
    EXPECT_GT(before, 0.95);
    auto const source = make_generator({.generator = "zipf",
                                        .affinity = 0.3,
                                        .reuse = 0.7,
                                        .layer_correlation = 0.5,
                                        .sources = 3},
                                       {.per_step = 200, .steps = 2}, 16, 4, 3);
    auto const whole = source->read(StepId{1}, LayerId{2}, {0, 200});
    for (int64_t const size : {1, 7, 33, 64, 199})
        for (int64_t at = 0; at < 200; at += size) {
            auto const end = std::min(at + size, int64_t{200});
            auto const piece = source->read(StepId{1}, LayerId{2}, {at, end});
            EXPECT_TRUE(std::equal(piece.expert.begin(), piece.expert.end(),
                                   whole.expert.begin() + at * 4));
        }
}

TEST(Scores, LayersAreCorrelatedThroughTheirPlaces) {
    // Of uniform popularity, what a token's choice in a layer says of the next layer's: the most
    // likely of 8 partners of each expert, 1/8 if independent.
    auto const partner_share = [](double c) {
        auto const source = make_generator({.generator = "uniform", .layer_correlation = c},
                                           {.per_step = 8000, .steps = 1}, 8, 1, 2);
        auto const a = experts_of(*source, 0, 0), b = experts_of(*source, 0, 1);
        std::vector<std::vector<int64_t>> pairs(8, std::vector<int64_t>(8));
        for (std::size_t t = 0; t < a.size(); ++t)
            ++pairs[static_cast<std::size_t>(index(a[t]))][static_cast<std::size_t>(index(b[t]))];
        double best = 0;
        for (auto const& row : pairs) best += static_cast<double>(std::ranges::max(row));
        return best / 8000;
    };
    EXPECT_LT(partner_share(0.0001), 0.16);
    double const half = partner_share(0.5), most = partner_share(0.95);
    EXPECT_GT(half, 0.35);
    EXPECT_GT(most, half + 0.2);
}

TEST(Scores, GroupLimitedTokensStayInTheirGroups) {
    auto const source = make_generator({.generator = "zipf", .groups = 8, .groups_kept = 3},
                                       {.per_step = 3000, .steps = 1}, 64, 6, 1);
    auto const chosen = experts_of(*source);
    std::set<int> all;
    for (std::size_t t = 0; t < chosen.size(); t += 6) {
        std::set<int> groups, distinct;
        for (std::size_t j = t; j < t + 6; ++j)
            groups.insert(index(chosen[j]) / 8), distinct.insert(index(chosen[j]));
        EXPECT_LE(groups.size(), 3u);
        EXPECT_EQ(distinct.size(), 6u);
        all.merge(groups);
    }
    EXPECT_EQ(all.size(), 8u);
}

std::string complaint(RoutingOptions const& routing) {
    try {
        make_generator(routing, {.per_step = 8, .steps = 1}, 8, 2, 1);
    } catch (InputError const& e) {
        return e.what();
    }
    return "none";
}

TEST(Patterns, SayWhatIsOutOfRange) {
    EXPECT_THAT(complaint({.generator = "zipf", .groups = 3}), HasSubstr("routing.groups = 3"));
    EXPECT_THAT(complaint({.generator = "zipf", .groups = 8, .groups_kept = 1}),
                HasSubstr("must hold the 2 experts"));
    EXPECT_THAT(complaint({.generator = "zipf", .reuse = 1}), HasSubstr("routing.reuse"));
    EXPECT_THAT(complaint({.generator = "zipf", .affinity = 2}), HasSubstr("routing.affinity"));
    EXPECT_THAT(complaint({.generator = "zipf", .drift = -1}), HasSubstr("routing.drift"));
    EXPECT_THAT(complaint({.generator = "zipf", .burst_every = 2, .burst_length = 3}),
                HasSubstr("routing.burst_length"));
    EXPECT_THAT(complaint({.generator = "balanced", .reuse = 0.5}), HasSubstr("Leave them out"));
    EXPECT_THAT(complaint({.generator = "hot-rank", .rotate_every = 1, .sources = 3}),
                HasSubstr("do not divide"));
}

}  // namespace
}  // namespace epsim
