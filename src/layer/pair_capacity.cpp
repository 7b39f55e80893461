#include "layer/pair_capacity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "comm/mpi_session.hpp"
#include "dispatch/dispatch_plan.hpp"

namespace epsim {
namespace {

/// Choices of a token that one rank can serve, at most: they are distinct.
int64_t most_choices(ReplayCase const& replay) {
    int32_t most = 0;
    auto const offset = replay.placement.rank_slot_offset();
    for (std::size_t r = 0; r + 1 < offset.size(); ++r)
        most = std::max(most, offset[r + 1] - offset[r]);
    return std::min(replay.spec.shape.top_k, most);
}

/// Tokens of the largest part, over all ranks and steps.
int64_t most_tokens(ReplayCase const& replay, Communicator const& comm) {
    int64_t most = 0;
    on_all_ranks(comm, [&] {
        for (int s = 0; s < replay.steps(); ++s)
            most = std::max<int64_t>(
                most, std::ssize(tokens_of_rank(replay.source, replay.assign, StepId{s},
                                                comm.size(), comm.rank())));
    });
    int const parts = replay.overlap.parts();
    return (comm.all_max(most) + parts - 1) / parts;
}

struct PairNeed {
    int64_t rows = 0;
    int step = 0;
    int32_t layer = 0;
    RankId to{0};
};

/// Where this rank sends most.
PairNeed largest_need(ReplayCase const& replay, Communicator const& comm) {
    Route const route = flat_routes(replay.placement, replay.spec.dedup).front();
    DispatchPlanner planner;
    auto replicas = replay.replicas(comm.rank());
    SlotRouting slots;
    PairNeed most;
    for (int s = 0; s < replay.steps(); ++s) {
        auto const input = load_step(replay, StepId{s}, comm.size(), comm.rank());
        replicas.follow(replay.placement_at(s), replay.topology);
        for (int l = 0; l < replay.spec.layers; ++l)
            for (int part = 0; part < replay.overlap.parts(); ++part) {
                replicas.choose(input.routing[static_cast<std::size_t>(l)],
                                part_of(std::ssize(input.tokens), part, replay.overlap.parts()),
                                LayerId{l}, slots);
                auto const& plan = planner.plan(slots, route);
                for (RankId to{0}; index(to) < comm.size(); to = RankId{index(to) + 1})
                    if (plan.rows_to(to) > most.rows)
                        most = {plan.rows_to(to), s, replay.layer_number(l), to};
            }
    }
    return most;
}

/// Every plan is known before any is sent: no rank is left waiting for one that has no room.
void require_room(ReplayCase const& replay, Communicator const& comm, int64_t rows) {
    PairNeed mine;
    on_all_ranks(comm, [&] { mine = largest_need(replay, comm); });
    int64_t const most = comm.all_max(mine.rows);
    on_all_ranks(comm, [&] {
        if (most > rows && mine.rows == most)
            throw InputError(fmt::format(
                "exchange.capacity = {} is too small (step {}, layer {}: rank {} has {} rows for "
                "rank {}). Raise it to {}, or leave it out",
                rows, mine.step, mine.layer, index(comm.rank()), most, index(mine.to), most));
    });
}

}  // namespace

Capacity pair_capacity(ReplayCase const& replay, Communicator const& comm, int64_t rows) {
    bool const merges = replay.spec.dedup != Dedup::none;
    int64_t const choices = most_choices(replay);
    int64_t const most = std::max<int64_t>(1, most_tokens(replay, comm) * (merges ? 1 : choices));
    Capacity const capacity{rows > 0 ? rows : most, merges ? choices : 1};
    on_all_ranks(comm, [&] {
        if (capacity.entries() > std::numeric_limits<int32_t>::max() / comm.size())
            throw InputError(fmt::format(
                "{} ranks with room for {} rows from each of them (MPI counts to {}). Lower "
                "exchange.capacity or the tokens of a step",
                comm.size(), capacity.rows, std::numeric_limits<int32_t>::max()));
    });
    if (capacity.rows < most) require_room(replay, comm, capacity.rows);
    return capacity;
}

}  // namespace epsim
