#include "app/pairs_run.hpp"

#include <fmt/format.h>

#include <climits>

#include "app/host_need.hpp"
#include "app/rank_layout.hpp"
#include "app/run_facts.hpp"
#include "comm/mpi_session.hpp"
#include "core/text.hpp"
#include "report/report.hpp"

namespace epsim {

PairsRun::PairsRun(Config const& config, Communicator const& comm)
    : comm_(comm), threads_(config.compute.threads) {
    case_.small = config.sizes.begin.value_or(case_.small);
    case_.large = config.sizes.end.value_or(case_.large);
    case_.measure = config.measure;
    case_.inject = config.inject;
    on_all_ranks(comm, [&] {
        if (comm.size() < 2)
            throw InputError(
                "measure.pairs on 1 rank (which has no partner). Start several, by "
                "scripts/mpirun.sh -n N");
        if (case_.small < 1 || case_.small >= case_.large || case_.large > INT_MAX)
            throw InputError(
                fmt::format("sizes.begin = {} and sizes.end = {} with measure.pairs (latency is "
                            "that of a message of sizes.begin B, bandwidth that of one of "
                            "sizes.end B: at least 1, ascending, under 2 GiB). Choose others",
                            case_.small, case_.large));
    });
    topology_ = make_topology(config.cluster, comm);
}

std::string PairsRun::identity() const {
    return fmt::format("# ranks = {}\n", comm_.size());
}

std::string PairsRun::describe() const {
    int64_t const ranks = comm_.size();
    return fmt::format("{:<32}{} on {} node(s)\n{:<32}{}\n{:<32}{}, {}\n", "ranks", ranks,
                       topology_->nodes(), "pairs a pass", ranks * (ranks - 1) / 2, "messages",
                       format_bytes(static_cast<double>(case_.small)),
                       format_bytes(static_cast<double>(case_.large)));
}

void PairsRun::require_memory() const {
    constexpr int buffers = 2;  // sent and received
    epsim::require_memory(comm_, buffers * static_cast<double>(case_.large), "for messages",
                          "Lower sizes.end, or use more nodes");
}

RunRecord PairsRun::run(ReplayProgress progress, std::function<bool()> interrupted,
                        Heartbeat& heartbeat) {
    bool const oversubscribed = share_cores(comm_, threads_).oversubscribed;
    auto record =
        measure_pairs(case_, comm_, {std::move(progress), std::move(interrupted), &heartbeat});
    record.topology = rank_places(comm_, *topology_);
    if (!comm_.is_root()) return record;
    record.kind = oversubscribed ? "oversubscribed" : "measured";
    note_run(record);
    return record;
}

std::string PairsRun::table(RunRecord const& record, TextStyle const& style) const {
    return report_text(record, "", style);
}

}  // namespace epsim
