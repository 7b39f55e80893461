#include "placement/placement.hpp"

#include <gmock/gmock.h>

#include <numeric>
#include <random>

#include "core/error.hpp"

namespace epsim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(LinearPlacement, PutsExpertsByTheFloorRule) {
    std::mt19937 random(2);
    for (int trial = 0; trial < 200; ++trial) {
        int const experts = 1 + static_cast<int>(random() % 70);
        int const ranks = 1 + static_cast<int>(random() % 20);  // more ranks than experts too
        int const layers = 1 + static_cast<int>(random() % 3);
        auto const placement = linear_placement(layers, experts, ranks);
        ASSERT_EQ(placement.slots(), experts);
        ASSERT_EQ(placement.ranks(), ranks);
        ASSERT_EQ(placement.layers(), layers);
        for (int l = 0; l < layers; ++l)
            for (int e = 0; e < experts; ++e) {
                auto const slots = placement.slots_of(LayerId{l}, ExpertId{e});
                ASSERT_THAT(slots, ElementsAre(SlotId{e}));
                ASSERT_EQ(index(placement.rank_of(slots[0])), e * ranks / experts)
                    << experts << " experts, " << ranks << " ranks";
            }
        // Shards differ by one expert at most.
        auto const& offset = placement.rank_slot_offset();
        for (std::size_t r = 0; r + 1 < offset.size(); ++r) {
            ASSERT_GE(offset[r + 1] - offset[r], experts / ranks);
            ASSERT_LE(offset[r + 1] - offset[r], (experts + ranks - 1) / ranks);
        }
    }
}

/// 3 experts on 3 ranks with 2, 0 and 3 slots: expert 1 twice, one slot empty.
Placement replicated() {
    return {7, 3, {0, 2, 2, 5}, {{ExpertId{1}, ExpertId{0}, ExpertId{2}, no_expert, ExpertId{1}}}};
}

TEST(Placement, FindsReplicasAndRanks) {
    auto const placement = replicated();
    EXPECT_EQ(placement.version(), 7);
    EXPECT_THAT(placement.slots_of(LayerId{0}, ExpertId{0}), ElementsAre(SlotId{1}));
    EXPECT_THAT(placement.slots_of(LayerId{0}, ExpertId{1}), ElementsAre(SlotId{0}, SlotId{4}));
    EXPECT_THAT(placement.slots_of(LayerId{0}, ExpertId{2}), ElementsAre(SlotId{2}));
    EXPECT_THAT(placement.experts_of(LayerId{0}, RankId{0}), ElementsAre(ExpertId{1}, ExpertId{0}));
    EXPECT_THAT(placement.experts_of(LayerId{0}, RankId{1}), ElementsAre());
    EXPECT_THAT(placement.experts_of(LayerId{0}, RankId{2}),
                ElementsAre(ExpertId{2}, no_expert, ExpertId{1}));
    EXPECT_EQ(placement.rank_of(SlotId{1}), RankId{0});
    EXPECT_EQ(placement.rank_of(SlotId{2}), RankId{2});
    EXPECT_THROW(placement.slot_expert(LayerId{1}), std::out_of_range);
}

std::string refusal(int experts, std::vector<std::vector<ExpertId>> slots) {
    try {
        Placement(0, experts, {0, 2}, std::move(slots));
    } catch (InputError const& e) {
        return e.what();
    }
    return {};
}

TEST(Placement, RefusesBadOnes) {
    EXPECT_EQ(refusal(2, {{ExpertId{0}, ExpertId{1}}}), "");
    EXPECT_THAT(refusal(2, {{ExpertId{0}, ExpertId{0}}}), HasSubstr("expert 1 has no slot"));
    EXPECT_THAT(refusal(2, {{ExpertId{0}, ExpertId{2}}}), HasSubstr("expert 2 is out of range"));
    EXPECT_THAT(refusal(2, {{ExpertId{0}, ExpertId{-2}}}), HasSubstr("expert -2 is out of range"));
    EXPECT_THROW(Placement(0, 1, {0}, {{ExpertId{0}}}), Error) << "no rank";
    EXPECT_THROW(Placement(0, 1, {0, 2, 1}, {{ExpertId{0}}}), Error) << "not sorted";
    EXPECT_THROW(Placement(0, 1, {0, 2}, {{ExpertId{0}}}), Error) << "a slot is missing";
}

}  // namespace
}  // namespace epsim
