#include "placement/arrangement.hpp"

#include <algorithm>
#include <numeric>

namespace epsim {

Arrangement::Arrangement(LayerProblem const& problem)
    : Arrangement(problem, Slots(static_cast<std::size_t>(problem.slots()), no_expert)) {}

Arrangement::Arrangement(LayerProblem const& problem, Slots slots)
    : problem_(&problem),
      slots_(slots.size(), no_expert),
      holders_(problem.load.size()),
      share_(problem.load.size()),
      rank_load_(at(problem.ranks())),
      held_({problem.ranks(), problem.experts()}) {
    for (int r = 0; r < problem.ranks(); ++r)
        slot_rank_.insert(slot_rank_.end(), at(problem.capacity(r)), r);
    for (int s = 0; s < std::ssize(slots); ++s) set(s, slots[at(s)]);
}

int Arrangement::heaviest() const {
    return static_cast<int>(std::ranges::max_element(rank_load_) - rank_load_.begin());
}

/// Their number has changed: the replicas that are left share the load.
void Arrangement::share_anew(ExpertId e) {
    auto& share_of = share_[at(index(e))];
    double const before = share_of;
    share_of = count(e) == 0 ? 0 : share(e, count(e));
    for (int const s : holders(e)) rank_load_[at(rank_of(s))] += share_of - before;
}

void Arrangement::set(int slot, ExpertId expert) {
    int const rank = rank_of(slot);
    if (ExpertId const old = slots_[at(slot)]; old != no_expert) {
        rank_load_[at(rank)] -= share(old);
        std::erase(holders_[at(index(old))], slot);
        --held_(rank, index(old));
        share_anew(old);
    }
    slots_[at(slot)] = expert;
    if (expert == no_expert) return;
    rank_load_[at(rank)] += share(expert);
    holders_[at(index(expert))].push_back(slot);
    ++held_(rank, index(expert));
    share_anew(expert);
}

void Arrangement::swap(int a, int b) {
    ExpertId const x = expert(a), y = expert(b);
    auto const move = [&](ExpertId e, int from, int to) {
        if (e == no_expert) return;
        rank_load_[at(rank_of(from))] -= share(e);
        rank_load_[at(rank_of(to))] += share(e);
        std::ranges::replace(holders_[at(index(e))], from, to);
        --held_(rank_of(from), index(e));
        ++held_(rank_of(to), index(e));
        slots_[at(to)] = e;
    };
    slots_[at(a)] = slots_[at(b)] = no_expert;
    move(x, a, b);
    move(y, b, a);
}

void fill_with_replicas(Arrangement& arrangement) {
    auto const& problem = arrangement.problem();
    std::vector<std::vector<int>> empty(static_cast<std::size_t>(problem.ranks()));
    std::size_t left = 0;
    for (int s = problem.slots() - 1; s >= 0; --s)
        if (arrangement.expert(s) == no_expert) {
            empty[static_cast<std::size_t>(arrangement.rank_of(s))].push_back(s);
            ++left;
        }
    std::vector<int> ranks(empty.size());
    std::iota(ranks.begin(), ranks.end(), 0);
    auto const load = [&](int r) { return arrangement.load(r); };
    for (; left > 0; --left) {
        std::ranges::stable_sort(ranks, {}, load);
        auto const target = std::ranges::find_if(
            ranks, [&](int r) { return !empty[static_cast<std::size_t>(r)].empty(); });
        ExpertId best = no_expert;
        for (auto from = ranks.rbegin(); from != ranks.rend() && best == no_expert; ++from)
            for (int s = problem.first_slot(*from); s < problem.first_slot(*from + 1); ++s) {
                ExpertId const e = arrangement.expert(s);
                if (e != no_expert && !arrangement.excludes(*target, e) &&
                    (best == no_expert || arrangement.share(e) > arrangement.share(best)))
                    best = e;
            }
        auto& slots = empty[static_cast<std::size_t>(*target)];
        arrangement.set(slots.back(), best);
        slots.pop_back();
    }
}

}  // namespace epsim
