#include "app/aggressor_run.hpp"

#include <fmt/format.h>

#include "app/rank_layout.hpp"
#include "comm/mpi_session.hpp"
#include "layer/aggressor.hpp"
#include "report/report.hpp"

namespace epsim {

AggressorRun::AggressorRun(Config const& config, Communicator const& comm)
    : config_(config), comm_(comm) {
    on_all_ranks(comm, [&] {
        constexpr int fewest = 4;
        if (comm.size() < fewest)
            throw InputError(fmt::format(
                "exchange.aggressor = {} on {} rank(s) (two at least exchange rows while two at "
                "least load the network). Start 4 or more",
                config.exchange.aggressor, comm.size()));
    });
    bool const victim = index(comm.rank()) < victims();
    group_.emplace(comm.split(victim ? 0 : 1));
    orders_ = std::make_unique<Orders>(comm);
    // Of the first half all ranks fail, or none.
    on_all_ranks(comm, [&] {
        if (victim) exchange_ = std::make_unique<ExchangeRun>(config, *group_);
    });
}

std::string AggressorRun::identity() const {
    return exchange_->identity() + fmt::format("# aggressors = {}\n", comm_.size() - victims());
}

std::string AggressorRun::describe() const {
    return exchange_->describe() + fmt::format("{:<32}{}, {}\n", "ranks that load the network",
                                               comm_.size() - victims(),
                                               config_.exchange.aggressor);
}

void AggressorRun::require_memory() const {
    on_all_ranks(comm_, [&] {
        if (exchange_) exchange_->require_memory();
    });
}

RunRecord AggressorRun::run(ReplayProgress progress, std::function<bool()> interrupted,
                            Heartbeat& heartbeat) {
    bool const oversubscribed = share_cores(comm_, config_.compute.threads).oversubscribed;
    RunRecord record;
    on_all_ranks(comm_, [&] {
        if (exchange_) {
            record = measure(std::move(progress), std::move(interrupted), heartbeat);
        } else {
            NetworkLoad load(*group_, config_.exchange.aggressor, aggressor_message_bytes);
            serve_load(*orders_, load, *group_, interrupted, heartbeat);
        }
    });
    if (!comm_.is_root()) return record;
    if (oversubscribed) record.kind = "oversubscribed";
    record.tags.emplace_back("aggressor");
    record.provenance["aggressor"] = {{"pattern", config_.exchange.aggressor},
                                      {"ranks", std::to_string(comm_.size() - victims())},
                                      {"message_bytes", std::to_string(aggressor_message_bytes)}};
    return record;
}

/// On the first half. A failure of all of them ends the others' part too.
RunRecord AggressorRun::measure(ReplayProgress progress, std::function<bool()> interrupted,
                                Heartbeat& heartbeat) {
    LoadSwitch load(*orders_);
    try {
        auto record = exchange_->run(
            std::move(progress), [&] { return interrupted() || load.interrupted(); }, heartbeat,
            [&](bool loaded) { load.set(loaded); });
        load.end();
        return record;
    } catch (CollectiveError const&) {
        load.end();
        throw;
    }
}

std::string AggressorRun::table(RunRecord const& record, TextStyle const& style) const {
    return slowdown_text(record, style);
}

}  // namespace epsim
