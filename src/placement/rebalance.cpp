#include "placement/rebalance.hpp"

#include <algorithm>
#include <chrono>
#include <deque>

#include "core/cast.hpp"
#include "placement/keep_in_place.hpp"

namespace epsim {
namespace {

void add(Array<double, 2>& sum, Array<double, 2> const& load, double sign) {
    std::ranges::transform(sum.flat(), load.flat(), sum.flat().begin(),
                           [sign](double a, double b) { return a + sign * b; });
}

}  // namespace

double balancedness(Placement const& placement, Array<double, 2> const& load) {
    double most = 0, mean = 0;
    std::vector<double> rank(static_cast<std::size_t>(placement.ranks()));
    for (int l = 0; l < placement.layers(); ++l) {
        std::ranges::fill(rank, 0.0);
        for (int e = 0; e < placement.num_experts(); ++e) {
            auto const slots = placement.slots_of(LayerId{l}, ExpertId{e});
            for (SlotId const s : slots)
                rank[static_cast<std::size_t>(index(placement.rank_of(s)))] +=
                    load(l, e) / static_cast<double>(slots.size());
            mean += load(l, e);
        }
        most += std::ranges::max(rank);
    }
    return most > 0 ? mean / static_cast<double>(rank.size()) / most : 1;
}

/// Goes through the steps and keeps what a system would know before each.
class RebalancePlanner {
public:
    RebalancePlanner(RebalanceOptions const& options, Placement first, PlacementProblem problem)
        : options_(options), problem_(std::move(problem)), timeline_(std::move(first)) {}

    PlacementTimeline run(int steps, LoadsOfStep const& loads) {
        auto const window = static_cast<std::size_t>(options_.window_steps());
        for (int step = 0; step < steps; ++step) {
            bool const async = options_.mode == RebalanceMode::async;
            if (async) timeline_.version_of_.push_back(last_version());
            if (pending_.empty() && options_.decides_before(step)) decide(step);
            change_some();
            if (!async) timeline_.version_of_.push_back(last_version());

            window_.push_back(loads(step));
            if (step == 0) sum_ = Array<double, 2>(window_.back().shape());
            add(sum_, window_.back(), 1);
            if (window_.size() > window) {
                add(sum_, window_.front(), -1);
                window_.pop_front();
            }
        }
        // What an asynchronous change begins in the last step is for nobody.
        auto const used = static_cast<std::size_t>(timeline_.version_of_.back()) + 1;
        timeline_.version_.erase(timeline_.version_.begin() + static_cast<std::ptrdiff_t>(used),
                                 timeline_.version_.end());
        return std::move(timeline_);
    }

private:
    int last_version() const { return narrow<int>(timeline_.version_.size()) - 1; }

    void decide(int step) {
        auto const begin = std::chrono::steady_clock::now();
        auto const& current = timeline_.version_.back();
        double const before = balancedness(current, sum_);
        if (before > options_.threshold || before >= 1) return;  // 1: nothing to gain
        problem_.load = sum_;
        auto const target = make_placement(options_.strategy, problem_);
        bool const may_swap_ranks = options_.strategy != Strategy::topology;
        for (int l = 0; l < current.layers(); ++l) {
            auto slots =
                keep_in_place(current, target, LayerId{l}, problem_.topology, may_swap_ranks);
            if (!std::ranges::equal(slots, current.slot_expert(LayerId{l})))
                pending_.emplace_back(l, std::move(slots));
        }
        if (pending_.empty()) return;
        std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begin;
        timeline_.decision_.push_back({step, before, balancedness(target, sum_), took.count()});
    }

    /// A new version with the next layers of the plan, if there are any.
    void change_some() {
        if (pending_.empty()) return;
        auto const all = pending_.size(),
                   asked = static_cast<std::size_t>(options_.layers_per_step);
        std::map<int, Slots> changed;
        for (std::size_t i = 0; i < (asked == 0 ? all : std::min(asked, all)); ++i) {
            changed.insert(std::move(pending_.front()));
            pending_.pop_front();
        }
        timeline_.version_.push_back(
            timeline_.version_.back().with(last_version() + 1, std::move(changed)));
    }

    RebalanceOptions options_;
    PlacementProblem problem_;
    PlacementTimeline timeline_;
    std::deque<Array<double, 2>> window_;
    Array<double, 2> sum_;  // of the window
    std::deque<std::pair<int, Slots>> pending_;
};

PlacementTimeline plan_rebalancing(RebalanceOptions const& options, Placement first, int steps,
                                   LoadsOfStep const& loads, PlacementProblem problem) {
    check(options.any() && steps > 0, "rebalancing has steps and an interval");
    return RebalancePlanner(options, std::move(first), std::move(problem)).run(steps, loads);
}

std::vector<WeightMove> moves_between(Placement const& from, Placement const& to,
                                      ClusterTopology const& topology) {
    check(from.slots() == to.slots() && from.layers() == to.layers(),
          "placements have the same slots");
    std::vector<WeightMove> moves;
    std::vector<int64_t> sent(static_cast<std::size_t>(from.ranks()));
    for (int l = 0; l < from.layers(); ++l) {
        auto const before = from.slot_expert(LayerId{l}), after = to.slot_expert(LayerId{l});
        if (before.data() == after.data()) continue;  // shared: nothing changed
        for (int q = 0; q < to.slots(); ++q) {
            auto const expert = after[static_cast<std::size_t>(q)];
            if (expert == no_expert || expert == before[static_cast<std::size_t>(q)]) continue;
            RankId const here = from.rank_of(SlotId{q});
            auto const cost = [&](SlotId s) {
                RankId const there = from.rank_of(s);
                return std::pair(topology.link(there, here),
                                 sent[static_cast<std::size_t>(index(there))]);
            };
            SlotId const source =
                *std::ranges::min_element(from.slots_of(LayerId{l}, expert), {}, cost);
            if (from.rank_of(source) != here)
                ++sent[static_cast<std::size_t>(index(from.rank_of(source)))];
            moves.push_back({l, source, SlotId{q}});
        }
    }
    return moves;
}

}  // namespace epsim
