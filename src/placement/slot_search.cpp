#include <algorithm>

#include "placement/arrangement.hpp"
#include "placement/eplb.hpp"
#include "placement/greedy.hpp"
#include "placement/packing.hpp"

namespace epsim {
namespace {

/// Takes load from the heaviest rank step by step.
class Search {
public:
    /// \param enough load of the heaviest rank that needs no further search
    Search(Arrangement& arrangement, double enough) : a_(arrangement), enough_(enough) {}

    void run() {
        auto const& problem = a_.problem();
        int const most_steps = 8 * problem.slots() + 64;
        for (int step = 0; step < most_steps; ++step) {
            heavy_ = a_.heaviest();
            if (a_.load(heavy_) <= enough_) return;
            best_ = {};
            // A step must be worth more than rounding.
            best_.most = a_.load(heavy_) * (1 - 1e-9);
            consider_swaps();
            if (best_.a < 0) consider_replicas();
            if (best_.a < 0) return;
            best_.b >= 0 ? a_.swap(best_.a, best_.b) : a_.set(best_.a, best_.expert);
        }
    }

private:
    struct Step {
        int a = -1, b = -1;  ///< slots to swap, or a alone, which gets the expert
        ExpertId expert = no_expert;
        double most = 0;  ///< load of the heaviest rank that it changes
    };

    double load_of(int slot) const {
        ExpertId const e = a_.expert(slot);
        return e == no_expert ? 0 : a_.share(e);
    }
    int begin(int rank) const { return a_.problem().first_slot(rank); }
    int end(int rank) const { return a_.problem().first_slot(rank + 1); }

    void consider_swaps() {
        for (int r = 0; r < a_.problem().ranks(); ++r) {
            // Of two ranks that exchange load, the heavier one has at least their mean.
            if (r == heavy_ || (a_.load(heavy_) + a_.load(r)) / 2 >= best_.most) continue;
            for (int i = begin(heavy_); i < end(heavy_); ++i)
                for (int j = begin(r); j < end(r); ++j) {
                    double const change = load_of(i) - load_of(j);
                    if (change <= 0) continue;
                    double const most = std::max(a_.load(heavy_) - change, a_.load(r) + change);
                    if (most < best_.most && allowed(i, r) && allowed(j, heavy_))
                        best_ = {i, j, no_expert, most};
                }
        }
    }
    bool allowed(int slot, int rank) const {
        ExpertId const e = a_.expert(slot);
        return e == no_expert || !a_.excludes(rank, e);
    }

    /// A slot whose expert is elsewhere too, or none, takes what the heaviest rank has; or a slot
    /// of the heaviest rank takes something lighter.
    void consider_replicas() {
        auto const& problem = a_.problem();
        for (int j = 0; j < problem.slots(); ++j) {
            ExpertId const old = a_.expert(j);
            if (old != no_expert && a_.count(old) == 1) continue;
            if (a_.rank_of(j) == heavy_) {
                for (int e = 0; e < problem.experts(); ++e) consider(j, ExpertId{e});
            } else {
                for (int i = begin(heavy_); i < end(heavy_); ++i)
                    if (a_.expert(i) != no_expert) consider(j, a_.expert(i));
            }
        }
    }

    void consider(int slot, ExpertId expert) {
        ExpertId const old = a_.expert(slot);
        int const rank = a_.rank_of(slot);
        if (expert == old || a_.excludes(rank, expert)) return;
        int const n = a_.count(expert);
        double const less = a_.share(expert, n) - a_.share(expert, n + 1);
        double const more = old == no_expert ? 0 : a_.share(old, a_.count(old) - 1) - a_.share(old);
        auto const after = [&](int r) {
            double load = a_.load(r);
            for (int const s : a_.holders(expert))
                if (a_.rank_of(s) == r) load -= less;
            if (old != no_expert)
                for (int const s : a_.holders(old))
                    if (s != slot && a_.rank_of(s) == r) load += more;
            if (r == rank) load += a_.share(expert, n + 1) - load_of(slot);
            return load;
        };
        double most = std::max(after(rank), after(heavy_));
        if (old != no_expert)
            for (int const s : a_.holders(old)) {
                if (most >= best_.most) return;
                most = std::max(most, after(a_.rank_of(s)));
            }
        if (most < best_.most) best_ = {slot, -1, expert, most};
    }

    Arrangement& a_;
    double enough_;
    int heavy_ = 0;
    Step best_;
};

/// No placement's heaviest rank is lighter: it has the mean load, and the heaviest replica.
double lower_bound(LayerProblem const& problem) {
    int with_slots = 0;
    for (int const c : problem.capacities()) with_slots += c > 0;
    double sum = 0;
    for (double const load : problem.load) sum += load;
    std::vector<int> count(problem.load.size());
    for (int const e :
         make_replicas(problem.load, problem.slots(),
                       problem.twins == Twins::allowed ? problem.slots() : with_slots))
        ++count[static_cast<std::size_t>(e)];
    double most = sum / with_slots;
    for (std::size_t e = 0; e < count.size(); ++e)
        most = std::max(most, problem.load[e] / count[e]);
    return most;
}

}  // namespace

Slots searched_slots(LayerProblem const& problem) {
    // This near to the bound, steps end; other starts are not tried.
    constexpr double close = 1e-3, near = 1e-2;
    double const bound = lower_bound(problem);
    auto const improved = [&](Slots slots) {
        Arrangement arrangement(problem, std::move(slots));
        Search(arrangement, bound * (1 + close)).run();
        return arrangement;
    };
    auto best = improved(eplb_global(problem));
    auto const hierarchical = eplb_hierarchical(problem);
    if (Arrangement as_made(problem, hierarchical); as_made.most() < best.most())
        best = std::move(as_made);
    if (best.most() > bound * (1 + near))
        for (auto const& start : {hierarchical, greedy_slots(problem)})
            if (auto found = improved(start); found.most() < best.most()) best = std::move(found);
    return best.slots();
}

}  // namespace epsim
