#pragma once

#include <vector>

#include "placement/layer_problem.hpp"

namespace epsim {

/// A layer's slots while a strategy fills and changes them, with the loads that follow: replicas of
/// an expert share its load equally.
class Arrangement {
public:
    explicit Arrangement(LayerProblem const& problem);
    Arrangement(LayerProblem const& problem, Slots slots);

    Slots const& slots() const noexcept { return slots_; }
    ExpertId expert(int slot) const { return slots_[at(slot)]; }
    int rank_of(int slot) const { return slot_rank_[at(slot)]; }
    int count(ExpertId e) const { return static_cast<int>(holders_[at(index(e))].size()); }
    /// Slots that hold an expert, in no order.
    std::vector<int> const& holders(ExpertId e) const { return holders_[at(index(e))]; }
    /// Of each of `replicas` replicas of an expert.
    double share(ExpertId e, int replicas) const {
        return problem_->load[at(index(e))] / static_cast<double>(replicas);
    }
    double share(ExpertId e) const { return share_[at(index(e))]; }
    double load(int rank) const { return rank_load_[at(rank)]; }
    int heaviest() const;
    double most() const { return load(heaviest()); }
    /// Whether a rank may not get another replica of an expert.
    bool excludes(int rank, ExpertId e) const {
        return problem_->twins == Twins::forbidden && held_(rank, index(e)) > 0;
    }
    LayerProblem const& problem() const noexcept { return *problem_; }

    /// Put an expert, or none, into a slot in place of what is there.
    void set(int slot, ExpertId expert);
    void swap(int a, int b);

private:
    static std::size_t at(int i) { return static_cast<std::size_t>(i); }
    void share_anew(ExpertId e);

    LayerProblem const* problem_;
    Slots slots_;
    std::vector<int> slot_rank_;
    std::vector<std::vector<int>> holders_;  // [E]
    std::vector<double> share_;              // [E] of each replica; 0 without any
    std::vector<double> rank_load_;          // [R]
    Array<uint16_t, 2> held_;                // [R, E] replicas
};

/// Fill empty slots: the hottest expert of the heaviest rank is shared with the lightest rank that
/// has room and lacks it.
void fill_with_replicas(Arrangement& arrangement);

}  // namespace epsim
