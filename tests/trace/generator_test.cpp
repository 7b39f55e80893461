#include "trace/generator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <span>

#include "core/error.hpp"

namespace epsim {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<RoutingSource> make(std::string const& name, int experts, int top_k, int64_t tokens,
                                    double s = 1, uint64_t seed = 1, int layers = 2) {
    return make_generator({.trace = {}, .generator = name, .zipf_s = s, .sources = 1, .seed = seed},
                          {.per_step = tokens, .steps = 3}, experts, top_k, layers);
}

TEST(Generator, ExpertsAreDistinctAndInRange) {
    for (std::string const name : {"uniform", "zipf"})
        for (auto const& [experts, k] : std::vector<std::pair<int, int>>{
                 {1, 1}, {2, 1}, {2, 2}, {7, 3}, {8, 8}, {64, 6}, {65, 64}, {300, 300}})
            for (double const s : {0.5, 1.0, 4.0, 300.0}) {
                auto const batch =
                    make(name, experts, k, 50, s)->read(StepId{2}, LayerId{1}, {0, 50});
                ASSERT_EQ(batch.tokens(), 50);
                ASSERT_EQ(batch.weight.size(), batch.expert.size());
                for (std::size_t i = 0; i < batch.expert.size(); i += static_cast<std::size_t>(k)) {
                    auto const token =
                        std::span(batch.expert).subspan(i, static_cast<std::size_t>(k));
                    std::set<ExpertId> const distinct(token.begin(), token.end());
                    ASSERT_EQ(distinct.size(), token.size());
                    ASSERT_GE(index(*distinct.begin()), 0);
                    ASSERT_LT(index(*distinct.rbegin()), experts);
                    auto const weight =
                        std::span(batch.weight).subspan(i, static_cast<std::size_t>(k));
                    ASSERT_TRUE(std::ranges::is_sorted(weight, std::greater{}));
                    ASSERT_GT(weight.back(), 0);
                    ASSERT_NEAR(std::accumulate(weight.begin(), weight.end(), 0.0), 1, 1e-5);
                }
            }
}

TEST(Generator, AnySplitOfARangeGivesTheSame) {
    auto const source = make("zipf", 16, 4, 500);
    auto const whole = source->read(StepId{1}, LayerId{1}, {0, 500});
    for (int64_t const size : {1, 3, 32, 33, 499}) {
        RoutingBatch joined{4, {}, {}};
        for (int64_t at = 0; at < 500; at += size) {
            auto const piece =
                source->read(StepId{1}, LayerId{1}, {at, std::min(at + size, int64_t{500})});
            joined.expert.insert(joined.expert.end(), piece.expert.begin(), piece.expert.end());
            joined.weight.insert(joined.weight.end(), piece.weight.begin(), piece.weight.end());
        }
        EXPECT_EQ(joined, whole) << "in pieces of " << size;
    }
    EXPECT_EQ(source->read(StepId{1}, LayerId{1}, {7, 7}).tokens(), 0);
}

TEST(Generator, SeedStepLayerAndTokenMatter) {
    auto const read = [](uint64_t seed, int step, int layer, int64_t first) {
        return make("uniform", 64, 4, 400, 1, seed)
            ->read(StepId{step}, LayerId{layer}, {first, first + 100});
    };
    auto const base = read(1, 0, 0, 0);
    EXPECT_EQ(read(1, 0, 0, 0), base);
    EXPECT_NE(read(2, 0, 0, 0), base);
    EXPECT_NE(read(1, 1, 0, 0), base);
    EXPECT_NE(read(1, 0, 1, 0), base);
    EXPECT_NE(read(1, 0, 0, 100), base);
}

/// How often each expert is chosen first, and how often at all.
struct Frequency {
    std::vector<double> first, chosen;
};

Frequency frequency(RoutingSource const& source) {
    auto const& info = source.info();
    Frequency f{std::vector<double>(static_cast<std::size_t>(info.num_experts)), {}};
    f.chosen = f.first;
    auto const batch = source.read(StepId{0}, LayerId{0}, {0, info.tokens_of(StepId{0})});
    for (std::size_t i = 0; i < batch.expert.size(); ++i) {
        auto const e = static_cast<std::size_t>(index(batch.expert[i]));
        ++f.chosen[e];
        if (i % static_cast<std::size_t>(info.top_k) == 0) ++f.first[e];
    }
    return f;
}

/// Successive sampling of two: P(first = i) = w_i, P(i among two) = w_i + sum_j w_j w_i / (1 -
/// w_j).
void expect_successive(std::vector<double> const& weight, Frequency const& f, double tokens) {
    double const sum = std::accumulate(weight.begin(), weight.end(), 0.0);
    for (std::size_t i = 0; i < weight.size(); ++i) {
        double const p = weight[i] / sum;
        double both = p;
        for (std::size_t j = 0; j < weight.size(); ++j)
            if (j != i) both += weight[j] / sum * p / (1 - weight[j] / sum);
        EXPECT_NEAR(f.first[i] / tokens, p, 5 * std::sqrt(p * (1 - p) / tokens));
        EXPECT_NEAR(f.chosen[i] / tokens, both, 5 * std::sqrt(both * (1 - both) / tokens));
    }
}

TEST(Generator, UniformIsUniform) {
    constexpr int64_t tokens = 200000;
    auto const f = frequency(*make("uniform", 37, 5, tokens));
    double chi2 = 0;
    for (double const n : f.first) chi2 += std::pow(n - tokens / 37.0, 2) / (tokens / 37.0);
    EXPECT_LT(chi2, 36 + 5 * std::sqrt(2 * 36.0));  // 36 degrees of freedom
    EXPECT_GT(chi2, 36 - 5 * std::sqrt(2 * 36.0));
    for (double const n : f.chosen)
        EXPECT_NEAR(n, tokens * 5 / 37.0, 5 * std::sqrt(tokens * 5 / 37.0));
}

TEST(Generator, ZipfHasTheProbabilitiesOfSuccessiveSampling) {
    constexpr int64_t tokens = 200000;
    // At s = 6 the first expert takes 98 %: most tokens use up their quick tries.
    for (double const s : {0.7, 1.0, 2.0, 6.0}) {
        auto f = frequency(*make("zipf", 12, 2, tokens, s));
        std::vector<double> weight;
        for (int place = 1; place <= 12; ++place) weight.push_back(std::pow(place, -s));
        // The generator shuffles the experts: compare by popularity, which at s >= 0.7 is the order
        // of the counts up to neighbours within the sampling error.
        std::ranges::sort(f.first, std::greater{});
        std::ranges::sort(f.chosen, std::greater{});
        expect_successive(weight, f, tokens);
    }
}

TEST(Generator, EachLayerHasItsOwnPopularExperts) {
    auto const source = make("zipf", 256, 1, 2000, 2.0, 3, 8);
    std::set<int> favourites;
    for (int l = 0; l < 8; ++l) {
        std::vector<int> count(256);
        for (auto const e : source->read(StepId{0}, LayerId{l}, {0, 2000}).expert)
            ++count[static_cast<std::size_t>(index(e))];
        favourites.insert(static_cast<int>(std::ranges::max_element(count) - count.begin()));
    }
    EXPECT_GE(favourites.size(), 6u);  // 8 of 256 at random
}

TEST(Generator, CutsTokensOverItsDeclaredSources) {
    auto const source = make_generator({.trace = {}, .generator = "uniform", .sources = 3},
                                       {.per_step = 8, .steps = 1}, 4, 2, 1);
    ASSERT_TRUE(source->info().has(TokenColumn::source_rank));
    auto const column = source->column(TokenColumn::source_rank, StepId{0}, {1, 8});
    for (int t = 1; t < 8; ++t) EXPECT_EQ(column[static_cast<std::size_t>(t - 1)], t * 3 / 8);
    EXPECT_FALSE(make("uniform", 4, 2, 8)->info().has(TokenColumn::source_rank));
}

TEST(Generator, StepsAreAsTheOptionsSay) {
    RoutingOptions const routing{.trace = {}, .generator = "zipf", .sources = 4, .layers = 5};
    auto const offsets = [&](TokenOptions const& tokens) {
        return make_generator(routing, tokens, 8, 2, 2)->info().step_offset;
    };
    EXPECT_EQ(offsets({}), (std::vector<int64_t>{0, 4096}));
    EXPECT_EQ(offsets({.per_rank = 5, .steps = 2}), (std::vector<int64_t>{0, 20, 40}));
    EXPECT_EQ(offsets({.per_step = 7, .per_rank = 5}), (std::vector<int64_t>{0, 7}));
    auto const info = make_generator(routing, {}, 8, 2, 2)->info();
    EXPECT_EQ(info.layer, (std::vector<int32_t>{0, 1, 2, 3, 4}));
    EXPECT_EQ(info.origin, "synthetic");
    EXPECT_THAT(info.source, HasSubstr("zipf"));
}

std::string complaint(RoutingOptions const& routing, TokenOptions const& tokens, int experts,
                      int top_k) {
    try {
        make_generator(routing, tokens, experts, top_k, 1);
    } catch (InputError const& e) {
        return e.what();
    }
    return "none";
}

TEST(Generator, SaysWhatIsWrong) {
    EXPECT_THAT(complaint({.trace = {}, .generator = "zipff"}, {}, 8, 2),
                HasSubstr("nearest: 'zipf'"));
    EXPECT_THAT(complaint({.trace = {}, .generator = "uniform"}, {}, 8, 9),
                HasSubstr("top_k = 9 exceeds num_experts = 8 (each token needs distinct experts)"));
    EXPECT_THAT(complaint({.trace = {}, .generator = "uniform"}, {}, 0, 1),
                HasSubstr("num_experts = 0"));
    EXPECT_THAT(complaint({.trace = {}, .generator = "uniform"}, {}, 8, 0), HasSubstr("top_k = 0"));
    EXPECT_THAT(complaint({.trace = {}, .generator = "zipf", .zipf_s = -1}, {}, 8, 2),
                HasSubstr("zipf_s"));
    EXPECT_THAT(complaint({.trace = {}, .generator = "zipf", .zipf_s = NAN}, {}, 8, 2),
                HasSubstr("zipf_s"));
    EXPECT_THAT(complaint({.trace = {}, .generator = "zipf", .sources = 0}, {}, 8, 2),
                HasSubstr("sources"));
    EXPECT_THAT(complaint({.trace = {}, .generator = "zipf"}, {.per_step = -1}, 8, 2),
                HasSubstr("per_step"));
    EXPECT_THAT(complaint({.trace = {}, .generator = "zipf"}, {.per_rank = -1}, 8, 2),
                HasSubstr("out of range"));
    EXPECT_THAT(complaint({.trace = {}, .generator = "zipf"}, {.steps = -1}, 8, 2),
                HasSubstr("tokens.steps"));
    EXPECT_THAT(complaint({.trace = {}, .generator = "zipf", .sources = 8},
                          {.per_rank = INT64_MAX / 4}, 8, 2),
                HasSubstr("out of range"));
}

}  // namespace
}  // namespace epsim
