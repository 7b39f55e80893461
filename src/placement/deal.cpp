#include "placement/deal.hpp"

#include <algorithm>
#include <numeric>

#include "core/rng.hpp"

namespace epsim {

Slots linear_slots(LayerProblem const& problem) {
    Slots slots;
    for (int s = 0; s < problem.slots(); ++s) slots.push_back(ExpertId{s % problem.experts()});
    return slots;
}

Slots round_robin_slots(LayerProblem const& problem) {
    Slots slots(static_cast<std::size_t>(problem.slots()), no_expert);
    int next = 0;
    for (int turn = 0, left = problem.slots(); left > 0; ++turn)
        for (int r = 0; r < problem.ranks(); ++r) {
            if (turn >= problem.capacity(r)) continue;
            auto const mine = std::span(slots).subspan(
                static_cast<std::size_t>(problem.first_slot(r)), static_cast<std::size_t>(turn));
            while (problem.twins == Twins::forbidden &&
                   std::ranges::find(mine, ExpertId{next}) != mine.end())
                next = (next + 1) % problem.experts();
            slots[static_cast<std::size_t>(problem.first_slot(r) + turn)] = ExpertId{next};
            next = (next + 1) % problem.experts();
            --left;
        }
    return slots;
}

Slots random_slots(LayerProblem const& problem, uint64_t seed, int layer) {
    CounterRng const random(seed, RngStream::placement);
    std::vector<std::pair<uint64_t, int>> order;
    for (int e = 0; e < problem.experts(); ++e) {
        auto const words = random.words(static_cast<uint32_t>(layer), 0, static_cast<uint64_t>(e));
        order.emplace_back((uint64_t{words[0]} << 32) | words[1], e);
    }
    std::ranges::sort(order);
    auto slots = linear_slots(problem);
    for (auto& e : slots) e = ExpertId{order[static_cast<std::size_t>(index(e))].second};
    return slots;
}

}  // namespace epsim
