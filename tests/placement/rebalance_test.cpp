#include "placement/rebalance.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <set>

#include "placement/keep_in_place.hpp"
#include "placement/random_problem.hpp"

namespace epsim {
namespace {

using test::heaviest;
using test::random_problem;

/// Loads that drift: [S] of [L, E] integers.
std::vector<Array<double, 2>> drifting_loads(std::mt19937& random, PlacementProblem const& problem,
                                             int steps) {
    std::vector<Array<double, 2>> loads;
    auto load = problem.load;
    for (int s = 0; s < steps; ++s) {
        for (double& x : load.flat())
            if (random() % 4 == 0) x = static_cast<double>(random() % 1000);
        loads.push_back(load);
    }
    return loads;
}

PlacementTimeline plan(RebalanceOptions const& options, PlacementProblem const& problem,
                       std::vector<Array<double, 2>> const& loads) {
    auto first = make_placement(Strategy::linear, problem);
    return plan_rebalancing(
        options, std::move(first), static_cast<int>(loads.size()),
        [&](int s) { return loads[static_cast<std::size_t>(s)]; }, problem);
}

std::vector<int> decision_steps(PlacementTimeline const& timeline) {
    std::vector<int> steps;
    for (auto const& d : timeline.decisions()) steps.push_back(d.step);
    return steps;
}

/// Two experts a rank: the heavy pair is on one rank, another one every ten steps.
struct TwoHeavy {
    PlacementProblem problem{Array<double, 2>({3, 8}), even_slots(4, 8),
                             ClusterTopology::blocks(4, 4)};
    std::vector<Array<double, 2>> loads;

    explicit TwoHeavy(int steps) {
        for (int s = 0; s < steps; ++s) {
            auto& load = loads.emplace_back(Array<double, 2>::Shape{3, 8});
            std::ranges::fill(load.flat(), 1.0);
            for (int l = 0; l < 3; ++l)
                for (int e : {2 * (s / 10 % 4), 2 * (s / 10 % 4) + 1}) load(l, e) = 50;
        }
    }
};

TEST(Rebalancing, DecidesWhereItShallAndLooksBackOverTheWindow) {
    TwoHeavy const it(40);
    RebalanceOptions options;
    options.interval = 10;
    auto timeline = plan(options, it.problem, it.loads);
    // Before step 10 the loads of 0 to 9 are known: 0 and 1 part; those that come then do so later.
    EXPECT_EQ(decision_steps(timeline), (std::vector{10, 20, 30}));
    auto const together = [&](int step, int e) {
        auto const& p = timeline.at(step);
        auto const rank = [&](int x) {
            return p.rank_of(p.slots_of(LayerId{0}, ExpertId{x}).front());
        };
        return rank(e) == rank(e + 1);
    };
    EXPECT_TRUE(together(9, 0));
    EXPECT_FALSE(together(10, 0));
    EXPECT_FALSE(together(20, 2));
    EXPECT_EQ(timeline.at(9).version(), 0);
    EXPECT_EQ(timeline.at(10).version(), 1);

    options.first = 5;
    EXPECT_EQ(decision_steps(plan(options, it.problem, it.loads)).front(), 5);
    // A window of two: of the loads until step 11, those with another heavy pair.
    options.first = 12;
    options.window = 2;
    timeline = plan(options, it.problem, it.loads);
    ASSERT_EQ(decision_steps(timeline).front(), 12);
    auto const first = make_placement(Strategy::linear, it.problem);
    EXPECT_DOUBLE_EQ(timeline.decisions()[0].before, balancedness(first, it.loads[11]));
    EXPECT_FALSE(together(12, 2));
}

TEST(Rebalancing, LeavesAGoodPlacementAlone) {
    TwoHeavy const it(20);
    auto const first = make_placement(Strategy::linear, it.problem);
    double const linear = balancedness(first, it.loads[0]);
    EXPECT_DOUBLE_EQ(linear, (106.0 / 4) / 100);
    RebalanceOptions options;
    options.interval = 4;
    options.threshold = linear - 1e-9;
    auto const kept = plan(options, it.problem, it.loads);
    EXPECT_TRUE(kept.decisions().empty());
    EXPECT_EQ(kept.versions().size(), 1u);
    options.threshold = linear + 1e-9;
    auto const changed = plan(options, it.problem, it.loads);
    ASSERT_FALSE(changed.decisions().empty());
    EXPECT_NEAR(changed.decisions()[0].before, linear, 1e-12);
    EXPECT_NEAR(changed.decisions()[0].after, (106.0 / 4) / 51, 1e-12);  // a heavy one each
    // Balanced as well as can be: nothing is decided though the threshold would let it.
    options.threshold = 1;
    auto even = it.loads;
    for (auto& load : even) std::ranges::fill(load.flat(), 3.0);
    EXPECT_TRUE(plan(options, it.problem, even).decisions().empty());
}

TEST(Rebalancing, ChangesAFewLayersAStepAndAsynchronouslyAStepLater) {
    TwoHeavy const it(16);
    for (auto const mode : {RebalanceMode::stop, RebalanceMode::async}) {
        RebalanceOptions options;
        options.interval = 1;
        options.first = 6;
        options.layers_per_step = 2;
        options.mode = mode;
        auto const timeline = plan(options, it.problem, it.loads);
        ASSERT_EQ(timeline.steps(), 16);
        int const late = mode == RebalanceMode::async ? 1 : 0;
        for (int s = 1; s < 16; ++s) {
            auto const moves =
                moves_between(timeline.at(s - 1), timeline.at(s), it.problem.topology);
            std::set<int> layers;
            for (auto const& move : moves) layers.insert(move.layer);
            EXPECT_LE(layers.size(), 2u);
            if (s <= 7 + late) {
                EXPECT_EQ(layers, s < 6 + late    ? std::set<int>{}
                                  : s == 6 + late ? (std::set{0, 1})
                                                  : std::set{2});
            }
        }
        // While layers wait there is no new plan.
        EXPECT_EQ(timeline.decisions()[0].step, 6);
        EXPECT_NE(timeline.decisions().size() > 1 ? timeline.decisions()[1].step : 0, 7);
    }
}

TEST(Rebalancing, EndsWithNoVersionThatNoStepHas) {
    TwoHeavy const it(7);
    RebalanceOptions options;
    options.interval = 6;
    options.mode = RebalanceMode::async;
    auto const timeline = plan(options, it.problem, it.loads);
    EXPECT_EQ(timeline.versions().size(), 1u);
    EXPECT_EQ(timeline.version_of().back(), 0);
}

TEST(Rebalancing, EveryVersionIsAPlacementAsGoodAsPlannedAndMovesLeadToIt) {
    std::mt19937 random(std::random_device{}());
    for (int trial = 0; trial < 60; ++trial) {
        auto problem = random_problem(random);
        problem.source_load.clear();
        auto const loads = drifting_loads(random, problem, 12);
        RebalanceOptions options;
        options.interval = 1 + static_cast<int>(random() % 4);
        options.window = 1 + static_cast<int>(random() % 3);
        options.strategy = random() % 2 == 0 ? Strategy::eplb : Strategy::search;
        auto const timeline = plan(options, problem, loads);
        for (auto const& decision : timeline.decisions()) {
            auto window = problem.load;
            std::ranges::fill(window.flat(), 0.0);
            for (int s = std::max(0, decision.step - options.window); s < decision.step; ++s)
                std::ranges::transform(window.flat(), loads[static_cast<std::size_t>(s)].flat(),
                                       window.flat().begin(), std::plus<>());
            EXPECT_NEAR(balancedness(timeline.at(decision.step), window), decision.after, 1e-9);
            auto planned = problem;
            planned.load = window;
            auto const fresh = make_placement(options.strategy, planned);
            for (int l = 0; l < problem.layers(); ++l)
                EXPECT_NEAR(heaviest(timeline.at(decision.step), l, planned),
                            heaviest(fresh, l, planned), 1e-9);
        }
        for (int s = 1; s < timeline.steps(); ++s) {
            auto const &from = timeline.at(s - 1), &to = timeline.at(s);
            std::vector<std::vector<ExpertId>> slots;
            for (int l = 0; l < from.layers(); ++l) {
                auto const before = from.slot_expert(LayerId{l});
                slots.emplace_back(before.begin(), before.end());
            }
            for (auto const& move : moves_between(from, to, problem.topology)) {
                auto const l = static_cast<std::size_t>(move.layer);
                ExpertId const expert = from.slot_expert(
                    LayerId{move.layer})[static_cast<std::size_t>(index(move.source))];
                slots[l][static_cast<std::size_t>(index(move.destination))] = expert;
                // Never from farther than where it is, too.
                auto const here = to.rank_of(move.destination);
                for (SlotId const other : from.slots_of(LayerId{move.layer}, expert))
                    EXPECT_LE(problem.topology.link(from.rank_of(move.source), here),
                              problem.topology.link(from.rank_of(other), here));
            }
            for (int l = 0; l < to.layers(); ++l)
                for (std::size_t q = 0; q < slots[static_cast<std::size_t>(l)].size(); ++q)
                    if (ExpertId const e = to.slot_expert(LayerId{l})[q]; e != no_expert) {
                        EXPECT_EQ(slots[static_cast<std::size_t>(l)][q], e);
                    }
        }
    }
}

TEST(KeepInPlace, MovesNothingWhereRanksOnlyTradedPlaces) {
    auto const topology = ClusterTopology::blocks(4, 2);
    auto const experts = [](std::vector<int> ids) {
        std::vector<ExpertId> all;
        for (int const id : ids) all.push_back(ExpertId{id});
        return all;
    };
    Placement const current(0, 8, even_slots(4, 8), {experts({0, 1, 2, 3, 4, 5, 6, 7})});
    Placement const traded(1, 8, even_slots(4, 8), {experts({3, 2, 1, 0, 4, 5, 7, 6})});
    EXPECT_EQ(keep_in_place(current, traded, LayerId{0}, topology, true),
              experts({0, 1, 2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(keep_in_place(current, traded, LayerId{0}, topology, false),
              experts({3, 2, 1, 0, 4, 5, 6, 7}));
    // Not over a node's border: a plan that knows nodes stays as it was meant.
    Placement const crossed(1, 8, even_slots(4, 8), {experts({4, 5, 6, 7, 0, 1, 2, 3})});
    EXPECT_EQ(keep_in_place(current, crossed, LayerId{0}, topology, true),
              experts({4, 5, 6, 7, 0, 1, 2, 3}));
}

}  // namespace
}  // namespace epsim
