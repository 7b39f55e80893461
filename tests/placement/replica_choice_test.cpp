#include "placement/replica_choice.hpp"

#include <gtest/gtest.h>

#include <map>

#include "placement/random_problem.hpp"
#include "support/random_routing.hpp"

namespace epsim {
namespace {

/// Expert 1 has two replicas, one slot is empty.
Placement replicated() {
    return {7, 3, {0, 2, 2, 5}, {{ExpertId{1}, ExpertId{0}, ExpertId{2}, no_expert, ExpertId{1}}}};
}

TEST(ReplicaChooser, ServesEveryChoiceByItsExpert) {
    std::mt19937 random(3);
    for (int trial = 0; trial < 40; ++trial) {
        auto const problem = test::random_problem(random);
        auto const placement = make_placement(Strategy::eplb, problem);
        int const k = std::min(4, problem.experts());
        auto const routing =
            test::random_routing(random, static_cast<int64_t>(random() % 60), problem.experts(), k);
        for (auto const name : enum_names<ReplicaChoice>) {
            ReplicaChooser chooser(placement, problem.topology, RankId{0},
                                   enum_from<ReplicaChoice>(name));
            SlotRouting slots{99, {SlotId{5}}, {1}};  // what was there before must go
            chooser.choose(routing, LayerId{0}, slots);
            ASSERT_EQ(slots.top_k, k);
            ASSERT_EQ(slots.slot.size(), routing.expert.size());
            EXPECT_EQ(slots.weight, routing.weight);
            for (std::size_t i = 0; i < slots.slot.size(); ++i) {
                if (routing.expert[i] == no_expert) {
                    EXPECT_EQ(slots.slot[i], no_slot);
                    continue;
                }
                EXPECT_EQ(placement.slot_expert(
                              LayerId{0})[static_cast<std::size_t>(index(slots.slot[i]))],
                          routing.expert[i])
                    << name;
            }
            SlotRouting again;
            chooser.choose(routing, LayerId{0}, again);
            EXPECT_EQ(again.slot, slots.slot) << name;
        }
    }
}

/// All but least-loaded, which counts a range's own tokens.
TEST(ReplicaChooser, RangesGiveWhatTheWholeBatchGives) {
    std::mt19937 random(9);
    auto const placement = replicated();
    auto const routing = test::random_routing(random, 11, 3, 2);
    for (auto const choice : {ReplicaChoice::round_robin, ReplicaChoice::nearest,
                              ReplicaChoice::hash, ReplicaChoice::random}) {
        ReplicaChooser chooser(placement, ClusterTopology::blocks(3, 2), RankId{1}, choice);
        SlotRouting whole, part, joined;
        chooser.choose(routing, LayerId{0}, whole);
        for (auto const range : {TokenRange{0, 3}, {3, 3}, {3, 10}, {10, 11}}) {
            chooser.choose(routing, range, LayerId{0}, part);
            EXPECT_EQ(std::ssize(part.slot), range.size() * 2);
            joined.slot.insert(joined.slot.end(), part.slot.begin(), part.slot.end());
            joined.weight.insert(joined.weight.end(), part.weight.begin(), part.weight.end());
        }
        EXPECT_EQ(joined.slot, whole.slot);
        EXPECT_EQ(joined.weight, whole.weight);
    }
}

/// How often each slot serves expert 1 of replicated(), which all tokens of rank 1 want.
std::map<int, int> taken(ReplicaChoice choice, ClusterTopology const& topology, int tokens) {
    auto const placement = replicated();
    RoutingBatch const routing{1, std::vector(static_cast<std::size_t>(tokens), ExpertId{1}),
                               std::vector(static_cast<std::size_t>(tokens), 1.f)};
    SlotRouting slots;
    ReplicaChooser(placement, topology, RankId{1}, choice).choose(routing, LayerId{0}, slots);
    std::map<int, int> taken;
    for (SlotId const s : slots.slot) ++taken[index(s)];
    return taken;
}

TEST(ReplicaChooser, SharesAsItsNameSays) {
    using Counts = std::map<int, int>;
    auto const apart = ClusterTopology::blocks(3, 1), two = ClusterTopology::blocks(3, 2);
    for (auto const choice : {ReplicaChoice::round_robin, ReplicaChoice::least_loaded})
        EXPECT_EQ(taken(choice, apart, 10), (Counts{{0, 5}, {4, 5}}));
    EXPECT_EQ(taken(ReplicaChoice::nearest, two, 10), (Counts{{0, 10}}));
    EXPECT_EQ(taken(ReplicaChoice::nearest, apart, 10), (Counts{{0, 5}, {4, 5}}));
    for (auto const choice : {ReplicaChoice::hash, ReplicaChoice::random}) {
        auto const shared = taken(choice, apart, 1000);
        EXPECT_NEAR(shared.at(0), 500, 80);  // five standard deviations
        EXPECT_NE(shared.at(0), 500);
    }
}

TEST(ReplicaChooser, LeastLoadedEvensOutWhatHasNoChoice) {
    auto const placement = replicated();
    // Six tokens for expert 2, on rank 2 alone, then eight for expert 1, on ranks 0 and 2.
    RoutingBatch routing{1, std::vector(6, ExpertId{2}), std::vector(14, 1.f)};
    routing.expert.insert(routing.expert.begin(), 8, ExpertId{1});
    SlotRouting slots;
    ReplicaChooser(placement, ClusterTopology::blocks(3, 1), RankId{1}, ReplicaChoice::least_loaded)
        .choose(routing, LayerId{0}, slots);
    EXPECT_EQ(std::ranges::count(slots.slot, SlotId{0}), 7);
    EXPECT_EQ(std::ranges::count(slots.slot, SlotId{4}), 1);
}

}  // namespace
}  // namespace epsim
