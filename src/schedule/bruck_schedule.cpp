#include "schedule/bruck_schedule.hpp"

#include <algorithm>
#include <bit>

#include "core/cast.hpp"

namespace epsim {

std::vector<BruckRound> bruck_rounds(int ranks) {
    std::vector<BruckRound> rounds;
    for (int64_t step = 1; step < ranks; step *= 2) {
        BruckRound round{narrow<int>(step), {}, 0};
        for (int d = round.distance; d < ranks; ++d)
            if (d & round.distance) round.blocks.push_back(d);
        round.stay = std::min(round.distance, ranks - round.distance);
        rounds.push_back(std::move(round));
    }
    return rounds;
}

ExchangeSchedule bruck_schedule(Array<int64_t, 2> const& bytes) {
    int const ranks = narrow<int>(bytes.extent(0));
    ExchangeSchedule schedule{ranks, {{}}};
    auto& first = schedule.rounds.front();
    for (int r = 0; r < ranks; ++r)
        if (bytes(r, r) > 0) first.push_back({RankId{r}, RankId{r}, bytes(r, r)});
    for (int d = 1; d < ranks; ++d)
        schedule.hops = std::max(schedule.hops, std::popcount(static_cast<unsigned>(d)));

    for (auto const& round : bruck_rounds(ranks)) {
        if (round.distance > 1) schedule.rounds.emplace_back();
        for (int holder = 0; holder < ranks; ++holder) {
            int64_t sent = round.header_bytes();
            for (int const d : round.blocks) {
                // Of the way d it has gone the smaller powers of two.
                int const source = (holder + ranks - d % round.distance) % ranks;
                sent += bytes(source, (source + d) % ranks);
            }
            if (sent > 0)
                schedule.rounds.back().push_back(
                    {RankId{holder}, RankId{(holder + round.distance) % ranks}, sent});
        }
    }
    return schedule;
}

}  // namespace epsim
