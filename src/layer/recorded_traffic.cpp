#include "layer/recorded_traffic.hpp"

#include "comm/mpi_session.hpp"
#include "dispatch/dispatch_plan.hpp"

namespace epsim {

std::vector<std::vector<Array<int64_t, 2>>> recorded_rows(ReplayCase const& replay,
                                                          Communicator const& comm) {
    int64_t const ranks = comm.size(), me = index(comm.rank());
    Route const route = flat_routes(replay.placement, replay.spec.dedup).front();
    DispatchPlanner planner;
    auto replicas = replay.replicas(comm.rank());
    SlotRouting slots;
    std::vector<std::vector<Array<int64_t, 2>>> rows;
    for (int s = 0; s < replay.steps(); ++s) {
        auto& layers = rows.emplace_back(static_cast<std::size_t>(replay.spec.layers),
                                         Array<int64_t, 2>({ranks, ranks}));
        replicas.follow(replay.placement_at(s), replay.topology);
        on_all_ranks(comm, [&] {
            auto const input = load_step(replay, StepId{s}, comm.size(), comm.rank());
            for (int l = 0; l < replay.spec.layers; ++l) {
                replicas.choose(input.routing[static_cast<std::size_t>(l)], LayerId{l}, slots);
                auto const& plan = planner.plan(slots, route);
                for (int32_t r = 0; r < ranks; ++r)
                    layers[static_cast<std::size_t>(l)](me, r) = plan.rows_to(RankId{r});
            }
        });
        for (auto& layer : layers) comm.all_sum(layer.flat());
    }
    return rows;
}

}  // namespace epsim
