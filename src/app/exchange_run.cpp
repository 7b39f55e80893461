#include "app/exchange_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <numeric>

#include "app/exchange_text.hpp"
#include "app/rank_layout.hpp"
#include "app/run_facts.hpp"
#include "comm/mpi_session.hpp"
#include "comm/root_clock.hpp"
#include "config/presets.hpp"
#include "core/sha256.hpp"
#include "core/text.hpp"
#include "device/host_memory.hpp"
#include "exchange/local/local_transport.hpp"
#include "exchange/mpi/mpi_transport.hpp"
#include "layer/recorded_traffic.hpp"
#include "probe/calibrate.hpp"
#include "probe/ceiling_rows.hpp"
#include "schedule/exchange_schedule.hpp"
#include "schedule/traffic_scale.hpp"

namespace epsim {
namespace {

constexpr int64_t first_size = 8, last_size = 64 << 20;  // where none are given

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
    : config_(config), comm_(comm) {
    on_all_ranks(comm, [&] {
        if (forwards(config.exchange.algorithm) || config.exchange.algorithm == "direct")
            throw InputError(fmt::format(
                "exchange.algorithm = {} with measure.exchange_only (it takes plans of tokens; "
                "only "
                "rows that go straight are measured alone). Choose another algorithm, or leave out "
                "measure.exchange_only",
                config.exchange.algorithm));
        if (config.exchange.backend == "plugin")
            throw InputError(
                "exchange.backend = plugin with measure.exchange_only (a plugin is measured with "
                "its steps only). Leave out measure.exchange_only");
        if (config.exchange.backend == "local" && comm.size() > 1)
            throw InputError(fmt::format(
                "exchange.backend = local with {} MPI ranks (it exchanges inside one process). "
                "Use exchange.backend=mpi, or one rank",
                comm.size()));
    });
    topology_ = make_topology(config.cluster, comm);
    case_ =
        std::make_unique<ExchangeCase>(ExchangeCase{{},
                                                    {0},
                                                    std::max<int64_t>(config.sizes.row_bytes, 1),
                                                    config.exchange.algorithm,
                                                    *topology_,
                                                    config.measure,
                                                    config.inject,
                                                    {}});
    read_rows();
    on_all_ranks(comm, [&] { check_rows(); });
}

void ExchangeRun::read_rows() {
    auto const& traffic = config_.exchange.traffic;
    identity_ = fmt::format("# ranks = {}\n", comm_.size());
    if (traffic == "recorded") {
        recorded_ = std::make_unique<RunCase>(config_, comm_);
        if (auto const hash = recorded_->trace_sha256(); !hash.empty())
            identity_ += fmt::format("# sha256 of routing.trace = {}\n", hash);
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
    for (int64_t const bytes : sweep_sizes(begin, end, sizes.factor))
        case_->rows.push_back({scaled_rows(traffic, bytes, case_->row_bytes)});
}

/// Counts of rows are ints to MPI.
void ExchangeRun::check_rows() const {
    for (auto const& step : case_->rows)
        for (auto const& rows : step)
            for (int64_t r = 0; r < rows.extent(0); ++r) {
                int64_t sent = 0, received = 0;
                for (int64_t other = 0; other < rows.extent(0); ++other) {
                    sent += rows(r, other);
                    received += rows(other, r);
                }
                if (std::max(sent, received) > INT_MAX)
                    throw InputError(fmt::format(
                        "rank {} moves {} rows of {} B at once (MPI counts to {}). Raise "
                        "sizes.row_bytes",
                        r, std::max(sent, received), case_->row_bytes, INT_MAX));
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
    double const need = 2 * most_bytes();  // sent and received
    auto const domain = host_domains(comm_);
    auto const here = static_cast<double>(
        std::ranges::count(domain, domain[static_cast<std::size_t>(index(comm_.rank()))]));
    double const left = available_memory();
    comm_.barrier();  // nobody takes memory before all have seen what is left
    on_all_ranks(comm_, [&] {
        if (here * need > left)
            throw InputError(fmt::format(
                "{} ranks of a host need up to {} for rows that are sent and received, {} are "
                "left. Lower sizes.end, or use more nodes",
                here, format_bytes(here * need), format_bytes(left)));
    });
}

RunRecord ExchangeRun::run(ReplayProgress progress, std::function<bool()> interrupted,
                           Heartbeat& heartbeat) {
    auto const [threads, oversubscribed] = share_cores(comm_, config_.compute.threads);
    if (config_.measure.probe != "off") {
        heartbeat.enter("probing the machine");
        if (progress) progress("probe", 0, 1);
        case_->calibration = calibrate({}, comm_, *topology_, threads);
    }
    std::unique_ptr<Transport> transport;
    if (config_.exchange.backend == "mpi")
        transport = make_mpi_transport(comm_, case_->algorithm, *topology_);
    else
        transport = std::move(make_local_transports(1).front());
    auto [record, wrong] = measure_exchange(
        *case_, comm_, {*transport, std::move(progress), std::move(interrupted), &heartbeat});
    wrong_ = std::move(wrong);
    record.topology = rank_places(comm_, *topology_);
    if (!comm_.is_root()) return std::move(record);
    record.ceilings = ceiling_rows(case_->calibration, *topology_);
    record.size = case_->calibration.size;
    record.link_seconds = case_->calibration.link_seconds;
    record.kind = oversubscribed ? "oversubscribed" : "measured";
    note_run(record);
    return std::move(record);
}

std::string ExchangeRun::table(RunRecord const& record, TextStyle const& style) const {
    return exchange_table(*case_, record, wrong_, style);
}

}  // namespace epsim
