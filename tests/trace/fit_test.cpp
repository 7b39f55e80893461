#include "trace/fit_model.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <set>

#include "trace/counted_trace.hpp"
#include "trace/drawn_trace.hpp"
#include "trace/fit_differences.hpp"
#include "trace/fit_generator.hpp"

namespace epsim {
namespace {

FitModel fit(RoutingSource const& trace) {
    return calibrated(fit_topics(trace, {}), trace, 1);
}

std::unique_ptr<RoutingSource> look_alike(FitModel const& model, int sources, TokenOptions tokens,
                                          uint64_t seed) {
    return make_fit_generator(model, {.generator = "fit", .sources = sources, .seed = seed}, tokens,
                              model.num_experts, model.top_k, static_cast<int>(model.layer.size()));
}

/// Mean over groups, relative to their distance from all: about 1.4 if they differ by chance only.
double unlike(std::map<int64_t, Shares> const& a, std::map<int64_t, Shares> const& b,
              Shares const& all) {
    double apart = 0, from_all = 0;
    for (auto const& [i, group] : a) {
        apart += distance(group, b.at(i));
        from_all += distance(group, all);
    }
    return apart / from_all;
}

void expect_like(double made, double recorded, double least, double most) {
    EXPECT_GT(made / recorded, least);
    EXPECT_LT(made / recorded, most);
}

/// What any look-alike has in common with the trace. Reuse leaves fewer independent choices.
void expect_common(Counted const& recorded, Counted const& made, double reuse = 0) {
    double const chance = 1 / std::sqrt(1 - reuse);
    EXPECT_LT(distance(recorded.all, made.all), 0.05 * chance);
    EXPECT_LT(distance(recorded.pairs, made.pairs), 0.25 * chance);
    expect_like(made.max_over_mean(), recorded.max_over_mean(), 0.9, 1.1);
    EXPECT_NEAR(made.reuse(), recorded.reuse(), 0.03);
}

void expect_sources(Counted const& recorded, Counted const& made) {
    EXPECT_LT(unlike(recorded.source, made.source, recorded.all), 0.6);
    expect_like(made.of_each(made.source), recorded.of_each(recorded.source), 0.8, 1.25);
}

void expect_steps(Counted const& recorded, Counted const& made) {
    EXPECT_LT(unlike(recorded.step, made.step, recorded.all), 0.9);
    expect_like(made.of_each(made.step), recorded.of_each(recorded.step), 0.8, 1.3);
    expect_like(made.from_step_to_step(), recorded.from_step_to_step(), 0.8, 1.5);
    expect_like(made.between_halves(), recorded.between_halves(), 0.7, 1.6);
}

class Drawn : public ::testing::Test {
protected:
    void draw(Case const& c) {
        auto const trace = c.trace();
        model = fit(*trace);
        recorded = counted(*trace);
        made = counted(*look_alike(model, c.routing.sources, c.tokens, random()));
        expect_common(recorded, made, c.routing.reuse);
    }
    std::mt19937 random{std::random_device{}()};
    FitModel model;
    Counted recorded, made;
};

/// By chance something differs in 0.6 % of the traces; then topics take part in the reuse.
TEST_F(Drawn, ReuseComesBackAndNothingElse) {
    int plain_models = 0;
    for (double const reuse : {0.0, drawn(random, 0.1, 0.5), drawn(random, 0.5, 0.9)}) {
        Case c = plain(random);
        c.routing.reuse = reuse;
        draw(c);
        SCOPED_TRACE(testing::Message() << "reuse " << reuse << ", seed " << c.routing.seed);
        if (model.by_source || model.by_step) continue;
        ++plain_models;
        EXPECT_EQ(model.topics(), 1u);
        EXPECT_NEAR(model.noise_stay, reuse, 0.05);
    }
    EXPECT_GE(plain_models, 2);
}

TEST_F(Drawn, AffinityComesBack) {
    Case c = plain(random);
    add_affinity(c, random);
    SCOPED_TRACE(testing::Message()
                 << "affinity " << c.routing.affinity << ", seed " << c.routing.seed);
    draw(c);
    EXPECT_TRUE(model.by_source);
    expect_sources(recorded, made);
}

TEST_F(Drawn, DriftComesBack) {
    Case c = plain(random);
    add_drift(c, random);
    SCOPED_TRACE(testing::Message() << "drift " << c.routing.drift << ", seed " << c.routing.seed);
    draw(c);
    EXPECT_TRUE(model.by_step);
    expect_steps(recorded, made);
}

TEST_F(Drawn, BurstsComeBack) {
    Case c = plain(random);
    add_bursts(c, random);
    SCOPED_TRACE(testing::Message() << "seed " << c.routing.seed);
    draw(c);
    EXPECT_TRUE(model.by_step);
    expect_steps(recorded, made);
}

TEST_F(Drawn, AffinityAndBurstsTogetherComeBack) {
    Case c = plain(random);
    add_affinity(c, random);
    add_bursts(c, random);
    SCOPED_TRACE(testing::Message()
                 << "affinity " << c.routing.affinity << ", seed " << c.routing.seed);
    draw(c);
    EXPECT_TRUE(model.by_source && model.by_step);
    expect_sources(recorded, made);
    expect_steps(recorded, made);
}

TEST_F(Drawn, OtherLengthsAndNumbersOfSources) {
    Case c = plain(random);
    c.tokens.per_step = c.routing.sources * 256;
    c.routing.affinity = 0.7;
    c.routing.burst_every = 3;
    c.routing.burst_factor = 40;
    draw(c);
    int const sources = c.routing.sources;
    auto const more = counted(*look_alike(
        model, 2 * sources, {.per_step = 2 * c.tokens.per_step, .steps = 3 * c.tokens.steps}, 7));
    expect_common(recorded, more);
    expect_like(more.from_step_to_step(), recorded.from_step_to_step(), 0.7, 1.5);
    for (int s = 0; s < 2 * sources; ++s)
        EXPECT_LT(distance(more.source.at(s), recorded.source.at(s / 2)), 0.1) << s;
    auto const fewer = counted(*look_alike(model, 1, {.per_step = 4096, .steps = 3}, 7));
    for (int s = 0; s < 3; ++s)  // the first steps, of all sources
        EXPECT_LT(distance(fewer.step.at(s), recorded.step.at(s)), 0.15) << s;
}

/// Of 40 traces without a difference, at most 3 may be taken to have one: 0.4 % are expected to.
TEST(Differences, AreNotSeenWhereThereAreNone) {
    std::mt19937 random(std::random_device{}());
    int sources = 0, steps = 0;
    for (int i = 0; i < 40; ++i) {
        Case c = plain(random);
        c.layers = 1;
        c.tokens.steps = 6;
        if (i % 2 == 0)  // each looks for one where there is much of the other
            add_affinity(c, random);
        else
            add_bursts(c, random);
        auto const trace = c.trace();
        auto const found = differences(token_table(*trace), stretches(*trace), 6, random());
        EXPECT_TRUE(i % 2 == 0 ? found.by_source : found.by_step) << c.routing.seed;
        sources += i % 2 == 1 && found.by_source;
        steps += i % 2 == 0 && found.by_step;
    }
    EXPECT_LE(sources, 3);
    EXPECT_LE(steps, 3);
}

TEST(Differences, OneSourceAndOneStepDoNotDiffer) {
    Case const c{8, 2, 1, {.generator = "zipf", .sources = 1}, {.per_step = 700, .steps = 1}};
    auto const trace = c.trace();
    auto const found = differences(token_table(*trace), stretches(*trace), 1, 1);
    EXPECT_FALSE(found.by_source);
    EXPECT_FALSE(found.by_step);
}

TEST(Fit, Edges) {
    struct Size {
        int experts, top_k, sources;
        int64_t per_step, steps;
    };
    for (auto const& [experts, k, sources, per_step, steps] :
         {Size{1, 1, 1, 1, 1}, Size{2, 2, 1, 1, 3}, Size{7, 3, 5, 3, 2}, Size{13, 13, 2, 31, 1},
          Size{64, 1, 1, 131, 2}, Size{5, 2, 3, 1, 130}}) {
        SCOPED_TRACE(testing::Message() << experts << " experts, " << per_step << " tokens");
        Case const c{experts,
                     k,
                     2,
                     {.generator = "uniform", .sources = sources},
                     {.per_step = per_step, .steps = steps}};
        auto const model = fit(*c.trace());
        for (int const s : {1, sources, 2 * sources + 1})
            for (int64_t const n : {int64_t{1}, steps, 9 * steps}) {
                auto const made = look_alike(model, s, {.per_step = 11, .steps = n}, 3);
                ASSERT_EQ(made->info().tokens(), 11 * n);
                auto const last = static_cast<StepId>(n - 1);
                auto const chosen = made->read(last, LayerId{1}, {0, 11}).expert;
                for (std::size_t t = 0; t < 11; ++t) {
                    std::set<ExpertId> distinct;
                    for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i)
                        distinct.insert(chosen[t * static_cast<std::size_t>(k) + i]);
                    EXPECT_EQ(distinct.size(), static_cast<std::size_t>(k));
                    EXPECT_GE(index(*distinct.begin()), 0);
                    EXPECT_LT(index(*distinct.rbegin()), experts);
                }
            }
    }
}

}  // namespace
}  // namespace epsim
