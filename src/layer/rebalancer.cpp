#include "layer/rebalancer.hpp"

#include <algorithm>

namespace epsim {
namespace {

/// Calls work(moves) for the moves of each layer.
template <class Work>
void for_layers(std::span<WeightMove const> moves, Work&& work) {
    while (!moves.empty()) {
        auto const end = std::ranges::find_if(
            moves, [l = moves.front().layer](auto const& move) { return move.layer != l; });
        auto const n = static_cast<std::size_t>(end - moves.begin());
        work(moves.first(n));
        moves = moves.subspan(n);
    }
}

}  // namespace

Rebalancer::Rebalancer(ReplayCase const& replay, Communicator const& comm, ExpertKernel& experts,
                       ReplicaChooser& replicas)
    : replay_(replay),
      channel_(Communicator::duplicate(comm.native())),
      replicas_(replicas),
      transfer_(channel_, experts, replay.placement) {
    auto const versions = replay.timeline->versions();
    moves_.emplace_back();
    for (std::size_t v = 1; v < versions.size(); ++v) {
        moves_.push_back(moves_between(versions[v - 1], versions[v], replay.topology));
        if (async())
            transfer_.reserve(moves_.back());
        else
            for_layers(moves_.back(), [&](auto layer) { transfer_.reserve(layer); });
    }
}

void Rebalancer::follow(int version) {
    version_ = version;
    replicas_.follow(replay_.timeline->versions()[static_cast<std::size_t>(version)],
                     replay_.topology);
}

void Rebalancer::rewind() {
    if (version_ == 0) return;
    auto const back =
        moves_between(replay_.timeline->versions()[static_cast<std::size_t>(version_)],
                      replay_.timeline->first(), replay_.topology);
    for_layers(back, [&](auto layer) {
        transfer_.begin(layer);
        transfer_.finish();
    });
    follow(0);
}

void Rebalancer::enter(int step, PhaseRecorder& recorder) {
    if (async()) {
        if (step + 1 < replay_.steps() && version_of(step + 1) != version_)
            transfer_.begin(moves_to(version_of(step + 1)));
        return;
    }
    if (version_of(step) == version_) return;
    auto const moves = moves_to(version_of(step));
    for_layers(moves, [&](auto layer) {
        recorder.begin_layer(layer.front().layer);
        recorder.time(Phase::rebalance, [&] {
            transfer_.begin(layer);
            transfer_.finish();
            if (&layer.back() == &moves.back()) follow(version_of(step));
        });
    });
    if (moves.empty()) follow(version_of(step));  // slots were only emptied
}

void Rebalancer::leave(int step, PhaseRecorder& recorder) {
    if (!async() || step + 1 == replay_.steps() || version_of(step + 1) == version_) return;
    int const next = version_of(step + 1);
    if (moves_to(next).empty()) return follow(next);  // slots were only emptied
    recorder.begin_layer(moves_to(next).front().layer);
    recorder.time(Phase::rebalance, [&] {
        transfer_.finish();
        follow(next);
    });
}

void keep_rebalancing(ReplayCase const& replay, int64_t slot_bytes, RunRecord& record) {
    auto const& timeline = *replay.timeline;
    auto const version_of = timeline.version_of();
    record.step_version.assign(version_of.begin(), version_of.end());
    record.moved_weights = Array<int64_t, 2>({replay.topology.ranks(), replay.topology.ranks()});
    record.step_moved.assign(version_of.size(), 0);
    for (std::size_t s = 1; s < version_of.size(); ++s) {
        if (version_of[s] == version_of[s - 1]) continue;
        auto const rank_of = [&](SlotId slot) { return index(replay.placement.rank_of(slot)); };
        for (auto const& move : moves_between(timeline.at(static_cast<int>(s) - 1),
                                              timeline.at(static_cast<int>(s)), replay.topology)) {
            record.moved_weights(rank_of(move.source), rank_of(move.destination)) += slot_bytes;
            record.step_moved[s] += slot_bytes;
        }
    }
    for (auto const& decision : timeline.decisions()) {
        record.decision_step.push_back(decision.step);
        record.decision_seconds.push_back(decision.seconds);
    }
}

}  // namespace epsim
