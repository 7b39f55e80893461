#include "dispatch/dispatch_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <tuple>

#include "core/error.hpp"

namespace epsim {
namespace {

struct Case {
    int64_t tokens;
    int top_k, experts, ranks;
};

/// \param hot every token's first choice is this expert; no_expert = nobody's
SlotRouting random_routing(Case const& c, std::mt19937& random, ExpertId hot = no_expert) {
    SlotRouting routing{c.top_k, {}, {}};
    std::vector<int> experts(static_cast<std::size_t>(c.experts));
    std::iota(experts.begin(), experts.end(), 0);
    for (int64_t t = 0; t < c.tokens; ++t) {
        std::shuffle(experts.begin(), experts.end(), random);
        if (hot != no_expert)
            std::iter_swap(experts.begin(), std::ranges::find(experts, index(hot)));
        for (int k = 0; k < c.top_k; ++k) {
            bool const none = hot == no_expert && random() % 5 == 0;
            routing.slot.push_back(none ? no_slot : SlotId{experts[static_cast<std::size_t>(k)]});
            routing.weight.push_back(static_cast<float>(random() % 1000) / 1000);
        }
    }
    return routing;
}

/// The rows by definition: all assignments, sorted by (slot, token, choice).
void expect_rows_in_order(DispatchPlan const& plan, SlotRouting const& routing,
                          Placement const& placement) {
    std::vector<std::tuple<int32_t, int64_t, int>> wanted;  // slot, token, choice
    auto const assignment = [&](int64_t token, int choice) {
        return static_cast<std::size_t>(token * routing.top_k + choice);
    };
    for (int64_t t = 0; t < plan.tokens; ++t)
        for (int k = 0; k < routing.top_k; ++k)
            if (auto const s = routing.slot[assignment(t, k)]; s != no_slot)
                wanted.emplace_back(index(s), t, k);
            else
                EXPECT_EQ(plan.assignment_row[assignment(t, k)], -1);
    std::sort(wanted.begin(), wanted.end());

    ASSERT_EQ(plan.rows(), static_cast<int64_t>(wanted.size()));
    ASSERT_EQ(plan.entries(), plan.rows());
    ASSERT_EQ(plan.entry_offset.size(), wanted.size() + 1);
    ASSERT_EQ(plan.assignment_row.size(), routing.slot.size());
    EXPECT_EQ(plan.entry_offset[0], 0);
    std::vector<int64_t> rows_to(static_cast<std::size_t>(placement.ranks()));
    for (std::size_t row = 0; row < wanted.size(); ++row) {
        auto const [slot, token, choice] = wanted[row];
        EXPECT_EQ(plan.slot[row], slot);
        EXPECT_EQ(plan.row_token[row], token);
        EXPECT_EQ(plan.weight[row], routing.weight[assignment(token, choice)]);
        EXPECT_EQ(plan.assignment_row[assignment(token, choice)], static_cast<int32_t>(row));
        EXPECT_EQ(plan.entry_offset[row + 1], static_cast<int64_t>(row) + 1);
        auto const rank = index(placement.rank_of(SlotId{slot}));
        EXPECT_GE(static_cast<int64_t>(row), plan.row_offset[static_cast<std::size_t>(rank)]);
        ++rows_to[static_cast<std::size_t>(rank)];
    }
    EXPECT_EQ(plan.row_offset.front(), 0);
    EXPECT_EQ(plan.row_offset.back(), plan.rows());
    for (int r = 0; r < placement.ranks(); ++r)
        EXPECT_EQ(plan.rows_to(RankId{r}), rows_to[static_cast<std::size_t>(r)]);
}

TEST(DispatchPlan, HoldsEveryAssignmentOnceInOrder) {
    std::mt19937 random(17);
    DispatchPlanner planner;  // one for all: nothing of an earlier plan may survive
    for (Case const& c : {Case{0, 2, 8, 4}, Case{1, 1, 1, 1}, Case{1, 2, 2, 5}, Case{37, 3, 13, 4},
                          Case{64, 8, 8, 3}, Case{5, 1, 3, 7}, Case{200, 6, 64, 8}}) {
        SCOPED_TRACE(testing::Message() << c.tokens << " tokens, top-" << c.top_k << " of "
                                        << c.experts << " on " << c.ranks << " ranks");
        auto const placement = linear_placement(1, c.experts, c.ranks);
        auto const routing = random_routing(c, random);
        auto const& plan = planner.plan(routing, flat_routes(placement, Dedup::none)[0]);
        EXPECT_EQ(plan.tokens, c.tokens);
        EXPECT_EQ(plan.top_k, c.top_k);
        expect_rows_in_order(plan, routing, placement);
    }
}

TEST(DispatchPlan, OneExpertTakesAll) {
    std::mt19937 random(1);
    Case const c{50, 1, 8, 4};
    auto const placement = linear_placement(1, c.experts, c.ranks);
    auto const routing = random_routing(c, random, ExpertId{5});
    DispatchPlanner planner;
    auto const& plan = planner.plan(routing, flat_routes(placement, Dedup::none)[0]);
    expect_rows_in_order(plan, routing, placement);
    for (int r = 0; r < c.ranks; ++r)
        EXPECT_EQ(plan.rows_to(RankId{r}), r == 5 * c.ranks / c.experts ? c.tokens : 0);
}

TEST(DispatchPlan, NobodyGoesAnywhere) {
    auto const placement = linear_placement(1, 4, 2);
    DispatchPlanner planner;
    auto const& plan = planner.plan({2, std::vector(6, no_slot), std::vector(6, 0.5f)},
                                    flat_routes(placement, Dedup::none)[0]);
    EXPECT_EQ(plan.tokens, 3);
    EXPECT_EQ(plan.rows(), 0);
    EXPECT_EQ(plan.assignment_row, std::vector<int32_t>(6, -1));
}

TEST(DispatchPlan, RefusesATornBatch) {
    auto const route = flat_routes(linear_placement(1, 4, 2), Dedup::none)[0];
    DispatchPlanner planner;
    auto const plan = [&](SlotRouting const& routing) { planner.plan(routing, route); };
    EXPECT_THROW(plan({2, std::vector(3, no_slot), std::vector(3, 0.f)}), Error);
    EXPECT_THROW(plan({2, std::vector(2, no_slot), {0.f}}), Error);
    EXPECT_THROW(plan({0, {}, {}}), Error);
}

/// By definition: an item's entries of one key share a row; rows by key, then item; entries of a
/// row in their order.
void expect_merged_rows(DispatchPlan const& plan, SlotRouting const& routing, Route const& route) {
    std::map<std::pair<int32_t, int64_t>, std::vector<std::size_t>> wanted;  // (key, token)
    for (std::size_t i = 0; i < routing.slot.size(); ++i)
        if (routing.slot[i] != no_slot)
            wanted[{route.key_of_slot[static_cast<std::size_t>(index(routing.slot[i]))],
                    static_cast<int64_t>(i) / routing.top_k}]
                .push_back(i);
    ASSERT_EQ(plan.rows(), std::ssize(wanted));
    ASSERT_EQ(plan.entry_offset.size(), wanted.size() + 1);
    std::vector<int32_t> row_of(routing.slot.size(), -1);
    std::size_t row = 0;
    int64_t entry = 0;
    for (auto const& [key_and_token, assignments] : wanted) {
        auto const [key, token] = key_and_token;
        EXPECT_EQ(plan.row_token[row], token);
        EXPECT_EQ(plan.entry_offset[row], entry);
        for (std::size_t const i : assignments) {
            auto const e = static_cast<std::size_t>(entry++);
            EXPECT_EQ(plan.slot[e], index(routing.slot[i]));
            EXPECT_EQ(plan.weight[e], routing.weight[i]);
        }
        row_of[assignments.front()] = static_cast<int32_t>(row);
        auto const target =
            std::ranges::upper_bound(route.target_offset, key) - route.target_offset.begin() - 1;
        EXPECT_GE(static_cast<int64_t>(row), plan.row_offset[static_cast<std::size_t>(target)]);
        EXPECT_LT(static_cast<int64_t>(row), plan.row_offset[static_cast<std::size_t>(target) + 1]);
        ++row;
    }
    EXPECT_EQ(plan.entry_offset.back(), entry);
    EXPECT_EQ(plan.entries(), entry);
    EXPECT_EQ(plan.assignment_row, row_of);
}

TEST(DispatchPlan, MergesWhatGoesTheSameWay) {
    std::mt19937 random(23);
    DispatchPlanner planner;  // one for all, merging or not
    for (int trial = 0; trial < 60; ++trial) {
        int const ranks = 1 + static_cast<int>(random() % 7);
        int const experts = 1 + static_cast<int>(random() % 20);
        Case const c{static_cast<int64_t>(random() % 50),
                     1 + static_cast<int>(random() % static_cast<unsigned>(std::min(experts, 8))),
                     experts, ranks};
        auto const placement = linear_placement(1, experts, ranks);
        auto const topology = ClusterTopology::blocks(ranks, 1 + static_cast<int>(random() % 3));
        RankId const mine{static_cast<int32_t>(random() % static_cast<unsigned>(ranks))};
        auto const routing = random_routing(c, random);
        for (auto const& routes : {flat_routes(placement, Dedup::rank),
                                   rail_routes(placement, topology, Dedup::node, mine),
                                   hierarchical_routes(placement, topology, Dedup::rank, mine)})
            expect_merged_rows(planner.plan(routing, routes[0]), routing, routes[0]);
        expect_rows_in_order(planner.plan(routing, flat_routes(placement, Dedup::none)[0]), routing,
                             placement);
    }
}

/// The rows of `plain`, each target's filled up to the capacity with rows of nothing.
void expect_padded_rows(DispatchPlan const& plan, DispatchPlan const& plain, int64_t capacity) {
    auto const ranks = std::ssize(plain.row_offset) - 1;
    std::vector<int32_t> token, row_of(plain.assignment_row.size(), -1);
    std::vector<int64_t> entry_offset, row_offset{0};
    for (int64_t r = 0; r < ranks; ++r) {
        auto const first = plain.row_offset[static_cast<std::size_t>(r)];
        auto const last = plain.row_offset[static_cast<std::size_t>(r) + 1];
        for (int64_t i = 0; i < capacity; ++i) {
            bool const is_row = first + i < last;
            auto const row = static_cast<std::size_t>(is_row ? first + i : last);
            token.push_back(is_row ? plain.row_token[row] : -1);
            entry_offset.push_back(plain.entry_offset[row]);
            for (std::size_t a = 0; is_row && a < row_of.size(); ++a)
                if (plain.assignment_row[a] == first + i)
                    row_of[a] = static_cast<int32_t>(r * capacity + i);
        }
        row_offset.push_back((r + 1) * capacity);
    }
    entry_offset.push_back(plain.entries());
    EXPECT_EQ(plan.row_token, token);
    EXPECT_EQ(plan.row_offset, row_offset);
    EXPECT_EQ(plan.entry_offset, entry_offset);
    EXPECT_EQ(plan.assignment_row, row_of);
    EXPECT_EQ(plan.slot, plain.slot);
    EXPECT_EQ(plan.weight, plain.weight);
    EXPECT_EQ(plan.merged, plain.merged);
}

TEST(DispatchPlan, FillsUpToTheCapacityAndNoFurther) {
    std::mt19937 random(29);
    DispatchPlanner plain_planner,
        planner;  // the latter with a capacity or without, merging or not
    for (int trial = 0; trial < 80; ++trial) {
        int const ranks = 1 + static_cast<int>(random() % 7);
        int const experts = 1 + static_cast<int>(random() % 20);
        Case const c{static_cast<int64_t>(random() % 50),
                     1 + static_cast<int>(random() % static_cast<unsigned>(std::min(experts, 8))),
                     experts, ranks};
        auto const placement = linear_placement(1, experts, ranks);
        auto const routing = random_routing(c, random, trial % 3 == 0 ? ExpertId{0} : no_expert);
        for (auto const dedup : {Dedup::none, Dedup::rank}) {
            auto route = flat_routes(placement, dedup)[0];
            auto const& plain = plain_planner.plan(routing, route);
            int64_t most = 1;
            for (int r = 0; r < ranks; ++r) most = std::max(most, plain.rows_to(RankId{r}));
            for (int64_t const spare : {0, 3}) {
                route.capacity = {most + spare, c.top_k};
                expect_padded_rows(planner.plan(routing, route), plain, most + spare);
            }
            if (most > 1) {
                route.capacity = {most - 1, c.top_k};
                EXPECT_THROW(planner.plan(routing, route), Error);
            }
            if (trial % 2 == 0) continue;
            auto const without = flat_routes(placement, dedup)[0];
            if (dedup == Dedup::none)
                expect_rows_in_order(planner.plan(routing, without), routing, placement);
            else
                expect_merged_rows(planner.plan(routing, without), routing, without);
        }
    }
}

}  // namespace
}  // namespace epsim
