#include "placement/strategy.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "placement/optimal.hpp"
#include "placement/random_problem.hpp"
#include "placement/topology_aware.hpp"

namespace epsim {
namespace {

using test::heaviest;
using test::random_problem;
using testing::HasSubstr;

std::vector<int> slots_of(Placement const& placement, int layer) {
    std::vector<int> slots;
    for (ExpertId const e : placement.slot_expert(LayerId{layer})) slots.push_back(index(e));
    return slots;
}

/// All strategies but the one that only small cases have.
std::vector<Strategy> heuristics() {
    std::vector<Strategy> all;
    for (auto const name : enum_names<Strategy>)
        if (name != "optimal") all.push_back(enum_from<Strategy>(name));
    return all;
}

/// The example of github.com/deepseek-ai/EPLB's README.
PlacementProblem golden() {
    PlacementProblem problem{Array<double, 2>({2, 12}), even_slots(8, 16),
                             ClusterTopology::blocks(8, 4)};
    problem.groups = 4;
    std::ranges::copy(std::vector<double>{90, 132, 40,  61, 104, 165, 39,  4,   73,  56, 183, 86,
                                          20, 107, 104, 64, 19,  197, 187, 157, 172, 86, 16,  27},
                      problem.load.flat().begin());
    return problem;
}

TEST(Eplb, GivesTheGoldenVectors) {
    for (auto const twins : {Twins::forbidden, Twins::allowed}) {
        auto problem = golden();
        problem.twins = twins;
        auto const placement = make_placement(Strategy::eplb, problem);
        EXPECT_EQ(slots_of(placement, 0),
                  (std::vector{5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1}));
        EXPECT_EQ(slots_of(placement, 1),
                  (std::vector{7, 10, 6, 8, 6, 11, 8, 9, 2, 4, 5, 1, 5, 0, 3, 1}));
        for (auto const& [layer, balancedness] : {std::pair{0, 0.8277}, {1, 0.8050}}) {
            double sum = 0;
            for (int e = 0; e < 12; ++e) sum += problem.load(layer, e);
            EXPECT_NEAR(sum / 8 / heaviest(placement, layer, problem), balancedness, 5e-5);
        }
    }
}

TEST(Strategies, PlaceEveryExpertOnceAtLeastAndNeverTwiceOnARank) {
    std::mt19937 random(31);
    for (int trial = 0; trial < 150; ++trial) {
        auto const problem = random_problem(random);
        for (auto const strategy : heuristics()) {
            auto const placement = make_placement(strategy, problem, 7);
            SCOPED_TRACE(testing::Message()
                         << name_of(strategy) << ": " << problem.experts() << " experts, "
                         << placement.slots() << " slots, " << placement.ranks() << " ranks, "
                         << problem.topology.nodes() << " nodes");
            ASSERT_EQ(placement.version(), 7);
            ASSERT_EQ(placement.layers(), problem.layers());
            ASSERT_TRUE(std::ranges::equal(placement.rank_slot_offset(), problem.rank_slot_offset));
            for (int l = 0; l < placement.layers(); ++l) {
                std::set<ExpertId> placed;
                for (int r = 0; r < placement.ranks(); ++r) {
                    auto const mine = placement.experts_of(LayerId{l}, RankId{r});
                    std::set<ExpertId> const here(mine.begin(), mine.end());
                    ASSERT_EQ(here.size(), mine.size()) << "twins on rank " << r;
                    ASSERT_FALSE(here.contains(no_expert)) << "an empty slot";
                    placed.insert(here.begin(), here.end());
                }
                ASSERT_EQ(std::ssize(placed), problem.experts());
            }
        }
    }
}

TEST(Strategies, AreFunctionsOfTheProblem) {
    std::mt19937 random(5);
    auto problem = random_problem(random);
    for (auto const strategy : heuristics()) {
        auto const once = make_placement(strategy, problem);
        EXPECT_EQ(slots_of(once, 0), slots_of(make_placement(strategy, problem), 0));
    }
    problem.load = Array<double, 2>({1, 100}, 1.0);
    problem.source_load.clear();
    problem.pairs.clear();
    problem.rank_slot_offset = even_slots(problem.topology.ranks(), 100);
    auto const before = slots_of(make_placement(Strategy::random, problem), 0);
    ++problem.seed;
    EXPECT_NE(slots_of(make_placement(Strategy::random, problem), 0), before);
}

TEST(Search, IsNeverHeavierThanEplb) {
    std::mt19937 random(77);
    int better = 0, trials = 0;
    for (int trial = 0; trial < 150; ++trial) {
        auto const problem = random_problem(random);
        auto const found = make_placement(Strategy::search, problem);
        for (auto const other : {Strategy::eplb, Strategy::eplb_global}) {
            auto const placement = make_placement(other, problem);
            for (int l = 0; l < problem.layers(); ++l) {
                double const most = heaviest(placement, l, problem);
                EXPECT_LE(heaviest(found, l, problem), most * (1 + 1e-9));
                better += heaviest(found, l, problem) < most * (1 - 1e-6);
                ++trials;
            }
        }
    }
    EXPECT_GT(better, trials / 3);
}

/// The lightest possible heaviest rank, by trying all that a rank's slots can hold.
class BruteForce {
public:
    BruteForce(PlacementProblem const& problem, int layer)
        : problem_(problem), layer_(layer), slots_(problem.rank_slot_offset.back(), -1) {}
    double run() {
        place(0, 0);
        return least_;
    }

private:
    void place(int rank, int slot) {
        if (rank == problem_.topology.ranks()) return judge();
        int const first = problem_.rank_slot_offset[static_cast<std::size_t>(rank)];
        int const last = problem_.rank_slot_offset[static_cast<std::size_t>(rank) + 1];
        if (slot == last) return place(rank + 1, slot);
        int const from = slot == first ? -1 : slots_[static_cast<std::size_t>(slot) - 1];
        if (slot == first || from < 0) {  // empty slots first
            slots_[static_cast<std::size_t>(slot)] = -1;
            place(rank, slot + 1);
        }
        for (int e = from + 1; e < problem_.experts(); ++e) {
            slots_[static_cast<std::size_t>(slot)] = e;
            place(rank, slot + 1);
        }
    }
    void judge() {
        for (int e = 0; e < problem_.experts(); ++e)
            if (std::ranges::find(slots_, e) == slots_.end()) return;
        double most = 0;
        for (int r = 0; r < problem_.topology.ranks(); ++r) {
            double load = 0;
            for (int s = problem_.rank_slot_offset[static_cast<std::size_t>(r)];
                 s < problem_.rank_slot_offset[static_cast<std::size_t>(r) + 1]; ++s)
                if (int const e = slots_[static_cast<std::size_t>(s)]; e >= 0)
                    load += problem_.load(layer_, e) /
                            static_cast<double>(std::ranges::count(slots_, e));
            most = std::max(most, load);
        }
        least_ = std::min(least_, most);
    }
    PlacementProblem const& problem_;
    int layer_;
    std::vector<int> slots_;
    double least_ = 1e300;
};

TEST(Optimal, IsWhatTryingAllFinds) {
    if (!has_solver()) GTEST_SKIP() << "built without COIN-OR CBC";
    std::mt19937 random(4);
    for (int trial = 0; trial < 25;) {
        auto const problem = random_problem(random, 4, 3);
        if (problem.rank_slot_offset.back() > 7) continue;
        ++trial;
        auto const placement = make_placement(Strategy::optimal, problem);
        for (int l = 0; l < problem.layers(); ++l) {
            double const least = BruteForce(problem, l).run();
            EXPECT_NEAR(heaviest(placement, l, problem), least, 1e-6 * least + 1e-9);
            EXPECT_GE(heaviest(make_placement(Strategy::search, problem), l, problem),
                      least * (1 - 1e-9));
        }
    }
}

double off_node(Placement const& placement, int layer, PlacementProblem const& problem) {
    double sum = 0;
    for (int r = 0; r < placement.ranks(); ++r)
        for (int e = 0; e < problem.experts(); ++e) {
            bool near = false;
            for (SlotId const s : placement.slots_of(LayerId{layer}, ExpertId{e}))
                near |= problem.topology.node_of(placement.rank_of(s)) ==
                        problem.topology.node_of(RankId{r});
            if (!near) sum += problem.source_load[static_cast<std::size_t>(layer)](r, e);
        }
    return sum;
}

TEST(Topology, SendsLessOffNodeAndStaysBalanced) {
    std::mt19937 random(12);
    double before = 0, after = 0;
    for (int trial = 0; trial < 60; ++trial) {
        auto const problem = random_problem(random);
        auto const balanced = make_placement(Strategy::search, problem);
        auto const near = make_placement(Strategy::topology, problem);
        for (int l = 0; l < problem.layers(); ++l) {
            EXPECT_LE(off_node(near, l, problem), off_node(balanced, l, problem) * (1 + 1e-9));
            EXPECT_LE(heaviest(near, l, problem),
                      heaviest(balanced, l, problem) * (1 + topology_slack) * (1 + 1e-9));
            before += off_node(balanced, l, problem);
            after += off_node(near, l, problem);
        }
    }
    EXPECT_LT(after, 0.97 * before);
}

/// Experts are chosen by fours, e, e + 8, e + 16, e + 24, of 32: one four a rank, two fours a node.
TEST(Coactivation, PutsExpertsChosenTogetherTogether) {
    PlacementProblem problem{Array<double, 2>({1, 32}, 100.0), even_slots(8, 32),
                             ClusterTopology::blocks(8, 2)};
    RoutingBatch tokens{4, {}, {}};
    for (int t = 0; t < 800; ++t)
        for (int i = 0; i < 4; ++i) tokens.expert.push_back(ExpertId{t % 8 + 8 * i});
    problem.pairs.emplace_back(32).add(tokens);
    auto const placement = make_placement(Strategy::coactivation, problem);
    for (int r = 0; r < 8; ++r) {
        std::set<int> fours;
        for (ExpertId const e : placement.experts_of(LayerId{0}, RankId{r}))
            fours.insert(index(e) % 8);
        EXPECT_EQ(fours.size(), 1u) << "rank " << r;
    }
}

std::string refusal(Strategy strategy, PlacementProblem const& problem) {
    try {
        make_placement(strategy, problem);
    } catch (InputError const& e) {
        return e.what();
    }
    return "";
}

TEST(Strategies, RefuseWhatCannotBe) {
    auto problem = golden();
    problem.rank_slot_offset = even_slots(8, 11);
    EXPECT_THAT(refusal(Strategy::eplb, problem), HasSubstr("11 slots for 12 experts"));
    problem.rank_slot_offset = even_slots(8, 97);
    EXPECT_THAT(refusal(Strategy::linear, problem),
                HasSubstr("more replicas than there are ranks"));
    problem.rank_slot_offset = even_slots(8, 96);
    EXPECT_EQ(refusal(Strategy::eplb, problem), "");
    EXPECT_THAT(refusal(Strategy::coactivation, problem), HasSubstr("trace"));
}

TEST(EvenSlots, AreSpreadByTheFloorRule) {
    EXPECT_EQ(even_slots(3, 7), (std::vector{0, 3, 5, 7}));
    EXPECT_EQ(even_slots(4, 2), (std::vector{0, 1, 1, 2, 2}));
    EXPECT_EQ(even_slots(1, 0), (std::vector{0, 0}));
    EXPECT_THROW(even_slots(0, 1), InputError);
    EXPECT_THROW(even_slots(1, -1), InputError);
}

}  // namespace
}  // namespace epsim
