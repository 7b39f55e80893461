#include "app/exchange_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <climits>

#include "app/exchange_movers.hpp"
#include "app/exchange_text.hpp"
#include "app/host_need.hpp"
#include "app/rank_layout.hpp"
#include "app/run_facts.hpp"
#include "comm/mpi_session.hpp"
#include "config/presets.hpp"
#include "core/sha256.hpp"
#include "core/text.hpp"
#include "layer/aggressor.hpp"
#include "layer/injection.hpp"
#include "layer/interruption.hpp"
#include "layer/memory_need.hpp"
#include "layer/recorded_traffic.hpp"
#include "probe/calibrate.hpp"
#include "probe/ceiling_rows.hpp"
#include "schedule/exchange_candidates.hpp"
#include "schedule/exchange_schedule.hpp"
#include "schedule/traffic_scale.hpp"

namespace epsim {
namespace {

constexpr int64_t first_size = 8, last_size = 64 << 20;  // where none are given
// Where plans say which way rows go: a token's of moderate size, so that plans are not the work.
constexpr int64_t forwarded_row_bytes = 4096;

TrafficMatrix sum_of(std::vector<std::vector<Array<int64_t, 2>>> const& rows, int ranks) {
    TrafficMatrix sum({ranks, ranks});
    for (auto const& step : rows)
        for (auto const& layer : step)
            for (std::size_t i = 0; i < sum.flat().size(); ++i)
                sum.flat()[i] += static_cast<double>(layer.flat()[i]);
    return sum;
}

}  // namespace

ExchangeRun::ExchangeRun(Config const& config, Communicator const& comm)
    : config_(config), comm_(comm), backend_(config.exchange, comm) {
    on_all_ranks(comm, [&] { check_settings(); });
    topology_ = make_topology(config.cluster, comm);
    auto const& row_bytes = config.sizes.row_bytes;
    int64_t const least_row = forwards(config.exchange.algorithm) ? forwarded_row_bytes : 1;
    case_ = std::make_unique<ExchangeCase>(ExchangeCase{{},
                                                        {0},
                                                        row_bytes > 0 ? row_bytes : least_row,
                                                        backend_.algorithm(),
                                                        *topology_,
                                                        config.measure,
                                                        config.inject,
                                                        {}});
    read_rows();
    if (config.exchange.aggressor != "none") alternate_load(*case_);
    on_all_ranks(comm, [&] { check_rows(); });
}

void ExchangeRun::check_settings() const {
    auto const& exchange = config_.exchange;
    if (one_pass(exchange.algorithm))
        throw InputError(fmt::format(
            "exchange.algorithm = {} with measure.exchange_only (it permutes while it dispatches: "
            "there is no exchange of rows alone). Choose another algorithm, or leave out "
            "measure.exchange_only",
            exchange.algorithm));
    if (takes_plans(exchange.algorithm) && !forwards(exchange.algorithm))
        throw InputError(fmt::format(
            "exchange.algorithm = {} with measure.exchange_only (it takes plans of tokens, not "
            "rows). Choose another algorithm, or leave out measure.exchange_only",
            exchange.algorithm));
    if (exchange.traffic == "recorded" && exchange.dedup == Dedup::node)
        throw InputError(
            "exchange.dedup = node with measure.exchange_only (of rows alone each goes to one "
            "rank). Use exchange.dedup = rank or none");
    require_possible(config_.inject, comm_.size(), std::array{Phase::dispatch},
                     "measure.exchange_only");
}

void ExchangeRun::read_rows() {
    auto const& traffic = config_.exchange.traffic;
    identity_ = fmt::format("# ranks = {}\n", comm_.size());
    if (auto const hash = backend_.plugin_sha256(); !hash.empty())
        identity_ += fmt::format("# sha256 of exchange.plugin = {}\n", hash);
    if (traffic == "recorded") {
        recorded_ = std::make_unique<ReplayInput>(config_, comm_);
        identity_ += recorded_->identity();
        auto rows = recorded_rows(recorded_->replay_case(), comm_);
        auto const& replay = recorded_->replay_case();
        if (config_.sizes.begin || config_.sizes.end) {
            on_all_ranks(comm_, [&] { scale(sum_of(rows, comm_.size())); });
            return;
        }
        case_->rows = std::move(rows);
        case_->layer.clear();
        for (int l = 0; l < replay.spec.layers; ++l) case_->layer.push_back(replay.layer_number(l));
        if (config_.sizes.row_bytes == 0)
            case_->row_bytes = row_bytes(replay.spec.wire_dtype, replay.spec.shape.hidden);
        return;
    }
    on_all_ranks(comm_, [&] {
        if (traffic == "uniform") return scale(uniform_traffic(comm_.size()));
        scale(read_traffic(traffic, comm_.size()));
        if (comm_.is_root())
            identity_ += fmt::format("# sha256 of exchange.traffic = {}\n",
                                     sha256_hex(read_text_file(traffic)));
    });
}

/// A step a size; a matrix of bytes without sizes is one step, as it stands.
void ExchangeRun::scale(TrafficMatrix const& traffic) {
    auto const& sizes = config_.sizes;
    bool const matrix = config_.exchange.traffic != "uniform" && !recorded_;
    bool const as_it_is = matrix && !sizes.begin && !sizes.end;
    auto const own = static_cast<int64_t>(std::min(heaviest(traffic), 0x1p62));
    if (heaviest(traffic) == 0)
        throw InputError(
            "the recorded traffic has no rows (there is nothing to scale). Use another trace");
    auto const begin =
        sizes.begin.value_or(as_it_is ? own : std::min(first_size, sizes.end.value_or(last_size)));
    auto const end = sizes.end.value_or(as_it_is ? own : std::max(last_size, begin));
    for (int64_t const bytes : whole_rows(sweep_sizes(begin, end, sizes.factor), case_->row_bytes))
        case_->rows.push_back({scaled_rows(traffic, bytes, case_->row_bytes)});
}

/// Counts of rows are ints to MPI; rows that are handed on are of 2-byte elements.
void ExchangeRun::check_rows() const {
    if (forwards(case_->algorithm) && case_->row_bytes % 2 != 0)
        throw InputError(fmt::format(
            "rows of {} B with exchange.algorithm = {} (rows that are handed on have an even "
            "number of bytes). Set sizes.row_bytes",
            case_->row_bytes, case_->algorithm));
    for (auto const& step : case_->rows)
        for (auto const& rows : step)
            for (auto const& hop : hop_rows(case_->algorithm, rows, *topology_))
                for (int32_t r = 0; r < comm_.size(); ++r) {
                    Blocks const blocks(hop, RankId{r});
                    auto const moved =
                        std::max(blocks.send_offset.back(), blocks.receive_offset.back());
                    if (moved > INT_MAX)
                        throw InputError(fmt::format(
                            "rank {} moves {} rows of {} B at once (MPI counts to {}). Raise "
                            "sizes.row_bytes",
                            r, moved, case_->row_bytes, INT_MAX));
                }
}

double ExchangeRun::most_bytes() const {
    double most = 0;
    for (auto const& step : case_->rows)
        for (auto const& rows : step) most = std::max(most, busiest_bytes(rows, case_->row_bytes));
    return most;
}

std::string ExchangeRun::describe() const {
    return fmt::format("{:<32}{} on {} node(s)\n{:<32}{}\n{:<32}{}\n{:<32}{}\n", "ranks",
                       comm_.size(), topology_->nodes(), "exchanges a pass",
                       case_->steps() * case_->layers(), "bytes of a row", case_->row_bytes,
                       "bytes of a rank, at most", format_bytes(most_bytes()));
}

void ExchangeRun::require_memory() const {
    epsim::require_memory(comm_, memory_need(*case_, comm_.rank()),
                          "for rows that are sent and received",
                          "Lower sizes.end, or use more nodes");
}

RunRecord ExchangeRun::run(ReplayProgress progress, std::function<bool()> interrupted,
                           Heartbeat& heartbeat, std::function<void(bool)> set_load) {
    auto const [threads, oversubscribed] = share_cores(comm_, config_.compute.threads);
    if (config_.measure.probe != "off") {
        heartbeat.enter("probing the machine");
        if (progress) progress("probe", 0, 1);
        case_->calibration = calibrate({}, comm_, *topology_, threads);
    }
    ExchangeMovers const movers(backend_, comm_, *case_, [&] {
        heartbeat.enter("choosing the exchange");
        require_not_interrupted(comm_, interrupted, "the choice of the exchange");
    });
    auto [record, wrong] =
        measure_exchange(*case_, comm_,
                         {movers.of_step(), std::move(progress), std::move(interrupted), &heartbeat,
                          std::move(set_load)});
    wrong_ = std::move(wrong);
    record.topology = rank_places(comm_, *topology_);
    if (!comm_.is_root()) return std::move(record);
    record.ceilings = ceiling_rows(case_->calibration, *topology_);
    record.size = case_->calibration.size;
    record.link_seconds = case_->calibration.link_seconds;
    record.kind = oversubscribed ? "oversubscribed" : "measured";
    note_run(record);
    backend_.describe(record);
    movers.describe(record);
    return std::move(record);
}

std::string ExchangeRun::table(RunRecord const& record, TextStyle const& style) const {
    return exchange_table(*case_, record, wrong_, backend_.name(), style);
}

}  // namespace epsim
