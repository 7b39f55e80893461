#include "probe/pair_rounds.hpp"

#include <algorithm>

namespace epsim {
namespace {

/// Round k of the circle method: the last of an even number of places stays, the others turn.
std::vector<RankPair> tournament_round(int ranks, int k) {
    int const places = ranks + ranks % 2, turning = places - 1;
    std::vector<RankPair> pairs;
    for (int i = 0; i < places / 2; ++i) {
        int const a = i == 0 ? turning : (k + i) % turning;
        int const b = (k + turning - i) % turning;
        if (std::max(a, b) < ranks)
            pairs.emplace_back(RankId{std::min(a, b)}, RankId{std::max(a, b)});
    }
    return pairs;
}

/// Split a round so that no host has too many pairs at once.
void spread(std::vector<RankPair> const& round, std::span<int const> host_of_rank,
            std::span<int const> pairs_at_once, std::vector<std::vector<RankPair>>& rounds) {
    auto const host = [&](RankId rank) {
        return static_cast<std::size_t>(host_of_rank[static_cast<std::size_t>(index(rank))]);
    };
    std::size_t const first = rounds.size();
    std::vector<std::vector<int>> used;  // [rounds from `first`, host]
    for (auto const& pair : round) {
        auto const a = host(pair.first), b = host(pair.second);
        auto const free = [&](std::vector<int> const& of) {
            return of[a] < pairs_at_once[a] && of[b] < pairs_at_once[b];
        };
        auto const at = static_cast<std::size_t>(std::ranges::find_if(used, free) - used.begin());
        if (at == used.size()) {
            used.emplace_back(pairs_at_once.size(), 0);
            rounds.emplace_back();
        }
        ++used[at][a];
        if (b != a) ++used[at][b];
        rounds[first + at].push_back(pair);
    }
}

}  // namespace

std::vector<std::vector<RankPair>> pair_rounds(std::span<int const> host_of_rank,
                                               std::span<int const> pairs_at_once, int all_up_to) {
    int const ranks = static_cast<int>(host_of_rank.size());
    int const all = ranks + ranks % 2 - 1;
    int const kept = ranks <= all_up_to ? all : all_up_to - 1;
    std::vector<std::vector<RankPair>> rounds;
    for (int k = 0; k < kept; ++k) {
        auto const number = static_cast<int>(int64_t{k} * all / kept);
        spread(tournament_round(ranks, number), host_of_rank, pairs_at_once, rounds);
    }
    return rounds;
}

}  // namespace epsim
