#include "probe/pair_rounds.hpp"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>

namespace epsim {
namespace {

std::vector<int> hosts_of(int ranks, int ranks_per_host) {
    std::vector<int> hosts;
    for (int r = 0; r < ranks; ++r) hosts.push_back(r / ranks_per_host);
    return hosts;
}

/// Every pair once, valid, no rank or host twice too often in a round. \return partners of each rank
std::vector<int> check_rounds(std::vector<std::vector<RankPair>> const& rounds,
                              std::vector<int> const& host, std::vector<int> const& at_once) {
    std::vector<int> partners(host.size(), 0);
    std::set<RankPair> seen;
    for (auto const& round : rounds) {
        EXPECT_FALSE(round.empty());
        std::set<RankId> busy;
        std::map<int, int> pairs_of_host;
        for (auto const& pair : round) {
            auto const low = static_cast<std::size_t>(index(pair.first));
            auto const high = static_cast<std::size_t>(index(pair.second));
            EXPECT_LT(low, high);
            EXPECT_LT(high, host.size());
            EXPECT_TRUE(seen.insert(pair).second) << low << ", " << high << " twice";
            EXPECT_TRUE(busy.insert(pair.first).second);
            EXPECT_TRUE(busy.insert(pair.second).second);
            for (int const h : std::set{host[low], host[high]})
                EXPECT_LE(++pairs_of_host[h], at_once[static_cast<std::size_t>(h)]);
            ++partners[low], ++partners[high];
        }
    }
    return partners;
}

TEST(PairRounds, EveryPairOnceWithRoomForAll) {
    for (int const ranks : {0, 1, 2, 3, 4, 7, 16, 31, 64}) {
        auto const host = hosts_of(ranks, 1);
        std::vector<int> const at_once(host.size(), 1000);
        auto const rounds = pair_rounds(host, at_once);
        auto const partners = check_rounds(rounds, host, at_once);
        for (int const n : partners) EXPECT_EQ(n, ranks - 1);
        if (ranks >= 2) {
            EXPECT_EQ(std::ssize(rounds), ranks + ranks % 2 - 1) << ranks;
        }
    }
}

TEST(PairRounds, EveryPairOnceWhereAHostHasRoomForFew) {
    for (int const ranks : {2, 5, 8, 13})
        for (int const per_host : {2, 3, 100})
            for (int const room : {1, 2}) {
                auto const host = hosts_of(ranks, per_host);
                std::vector<int> const at_once(host.size(), room);
                auto const partners = check_rounds(pair_rounds(host, at_once), host, at_once);
                for (int const n : partners) EXPECT_EQ(n, ranks - 1);
            }
}

TEST(PairRounds, OfManyRanksAnEvenSubset) {
    for (int const ranks : {65, 100, 333}) {
        auto const host = hosts_of(ranks, 8);
        std::vector<int> const at_once(host.size(), 4);
        auto const rounds = pair_rounds(host, at_once, 64);
        EXPECT_EQ(rounds, pair_rounds(host, at_once, 64));
        // 63 rounds of a tournament: an odd one rests in one of them.
        for (int const n : check_rounds(rounds, host, at_once)) {
            EXPECT_GE(n, 62);
            EXPECT_LE(n, 63);
        }
        std::set<int> hosts_with_inner_pairs;
        for (auto const& round : rounds)
            for (auto const& [low, high] : round)
                if (index(low) / 8 == index(high) / 8)
                    hosts_with_inner_pairs.insert(index(low) / 8);
        EXPECT_GE(std::ssize(hosts_with_inner_pairs), ranks / 8);
    }
}

}  // namespace
}  // namespace epsim
