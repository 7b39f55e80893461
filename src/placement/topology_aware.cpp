#include "placement/topology_aware.hpp"

#include <algorithm>

#include "placement/arrangement.hpp"
#include "placement/greedy.hpp"

namespace epsim {
namespace {

class Moves {
public:
    explicit Moves(Arrangement& arrangement)
        : a_(arrangement),
          nodes_(arrangement.problem().topology.nodes()),
          wanted_({nodes_, arrangement.problem().experts()}),
          held_({nodes_, arrangement.problem().experts()}),
          limit_(arrangement.most() * (1 + topology_slack)) {
        auto const& problem = a_.problem();
        for (int r = 0; r < problem.ranks(); ++r)
            for (int e = 0; e < problem.experts(); ++e)
                wanted_(problem.node_of(r), e) += problem.source_load
                                                      ? (*problem.source_load)(r, e)
                                                      : problem.load[static_cast<std::size_t>(e)];
        for (int s = 0; s < problem.slots(); ++s)
            if (a_.expert(s) != no_expert) ++held_(node_of(s), index(a_.expert(s)));
    }

    void run() {
        constexpr int most_rounds = 8;
        for (int round = 0; round < most_rounds; ++round) {
            bool moved = false;
            for (int s = 0; s < a_.problem().slots(); ++s) moved = improve(s) || moved;
            if (!moved) return;
        }
    }

private:
    int node_of(int slot) const { return a_.problem().node_of(a_.rank_of(slot)); }

    /// Assignments that stay on their node more, if an expert's replica went from one to another.
    double gain(ExpertId e, int from, int to) const {
        if (e == no_expert) return 0;
        int const i = index(e);
        return (held_(to, i) == 0 ? wanted_(to, i) : 0) -
               (held_(from, i) == 1 ? wanted_(from, i) : 0);
    }
    bool fits(int a, int b) const {
        ExpertId const x = a_.expert(a), y = a_.expert(b);
        int const ra = a_.rank_of(a), rb = a_.rank_of(b);
        if (x == y || (x != no_expert && a_.excludes(rb, x)) ||
            (y != no_expert && a_.excludes(ra, y)))
            return false;
        double const change =
            (x == no_expert ? 0 : a_.share(x)) - (y == no_expert ? 0 : a_.share(y));
        return a_.load(ra) - change <= limit_ && a_.load(rb) + change <= limit_;
    }
    /// Swap a slot's expert to the node that gains most from it, with what loses least there.
    bool improve(int slot) {
        ExpertId const e = a_.expert(slot);
        if (e == no_expert) return false;
        int const here = node_of(slot);
        int there = here;
        for (int n = 0; n < nodes_; ++n)
            if (n != here && (there == here || gain(e, here, n) > gain(e, here, there))) there = n;
        if (there == here || gain(e, here, there) <= 0) return false;
        int best = -1;
        double most = 1e-9 * gain(e, here, there);
        for (int s = 0; s < a_.problem().slots(); ++s) {
            if (node_of(s) != there) continue;
            double const sum = gain(e, here, there) + gain(a_.expert(s), there, here);
            if (sum > most && fits(slot, s)) {
                most = sum;
                best = s;
            }
        }
        if (best < 0) return false;
        auto const move = [&](ExpertId x, int from, int to) {
            if (x == no_expert) return;
            --held_(from, index(x));
            ++held_(to, index(x));
        };
        move(e, here, there);
        move(a_.expert(best), there, here);
        a_.swap(slot, best);
        return true;
    }

    Arrangement& a_;
    int nodes_;
    Array<double, 2> wanted_;  // [nodes, E] assignments of a node's tokens
    Array<int, 2> held_;       // [nodes, E] replicas
    double limit_;
};

}  // namespace

Slots topology_slots(LayerProblem const& problem) {
    Arrangement arrangement(problem, searched_slots(problem));
    if (problem.topology.nodes() > 1) Moves(arrangement).run();
    return arrangement.slots();
}

}  // namespace epsim
