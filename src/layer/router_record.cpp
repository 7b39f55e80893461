#include "layer/router_record.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace epsim {

RouterRecord::RouterRecord(ReplayCase const& replay, Communicator const& comm)
    : replay_(replay),
      comm_(comm),
      sources_(replay.source.info().has(TokenColumn::source_rank)
                   ? replay.source.info().source_count
                   : 1) {}

void RouterRecord::make_room(RunRecord& record) const {
    int64_t const steps = replay_.steps(), layers = replay_.spec.layers;
    record.source_dropped = Array<int64_t, 3>({steps, layers, sources_});
    record.health_figure.assign(health_names.begin(), health_names.end());
    record.health = Array<double, 3>({steps, layers, std::ssize(record.health_figure)});
}

RoutingSums RouterRecord::over_ranks(RoutingSums sums) const {
    sums.tokens = comm_.all_sum(sums.tokens);
    for (auto* counts : {&sums.chosen, &sums.first}) comm_.all_sum(*counts);
    for (auto* weights : {&sums.probability, &sums.importance}) comm_.all_sum(*weights);
    std::array<double, 3> rest{sums.squared_lse, sums.entropy, sums.weight};
    comm_.all_sum(rest);
    std::tie(sums.squared_lse, sums.entropy, sums.weight) = std::tuple(rest[0], rest[1], rest[2]);
    return sums;
}

void RouterRecord::keep(Router const& router, int step, RunRecord& record) {
    if (comm_.is_root() && record.health.empty()) make_room(record);
    for (int l = 0; l < replay_.spec.layers; ++l) {
        auto const& outcome = router.outcome(l);
        auto dropped = outcome.dropped;
        comm_.all_sum(dropped);
        std::array<double, 1> weight{outcome.dropped_weight};
        comm_.all_sum(weight);
        rerouted_ += comm_.all_sum(outcome.rerouted);
        auto const sums = over_ranks(outcome.sums);
        if (!comm_.is_root()) continue;
        for (int64_t e = 0; e < replay_.spec.shape.num_experts; ++e)
            for (int64_t n = 0; n < sources_; ++n) {
                int64_t const count = dropped[static_cast<std::size_t>(e * sources_ + n)];
                record.dropped(step, l, e) += count;
                record.source_dropped(step, l, n) += count;
            }
        auto const figures =
            health_figures(sums, replay_.source.info().top_k, weight[0], outcome.capacity);
        std::ranges::copy(figures, &record.health(step, l, 0));
    }
    if (comm_.is_root()) record.provenance["gate"]["rerouted"] = std::to_string(rerouted_);
}

}  // namespace epsim
