#include "app/run_case.hpp"

#include <fmt/format.h>

#include <sstream>

#include "app/rank_layout.hpp"
#include "app/run_facts.hpp"
#include "comm/mpi_session.hpp"
#include "core/text.hpp"
#include "device/device_query.hpp"
#include "device/host_memory.hpp"
#include "exchange/local/local_transport.hpp"
#include "exchange/mpi/mpi_exchange.hpp"
#include "exchange/plugin/plugin_transport.hpp"
#include "exchange/transport_exchange.hpp"
#include "layer/memory_need.hpp"
#include "model/formulas.hpp"
#include "model/layer_choice.hpp"
#include "probe/calibrate.hpp"
#include "probe/ceiling_rows.hpp"
#include "schedule/exchange_routes.hpp"
#include "store/trace_file.hpp"
#include "trace/generator.hpp"
#include "trace/restepped.hpp"

namespace epsim {

RunCase::RunCase(Config const& config, Communicator const& comm) : config_(config), comm_(comm) {
    on_all_ranks(comm, [&] {
        require_device(config.compute.device);
        if (config.exchange.backend == "local" && comm.size() > 1)
            throw InputError(fmt::format(
                "exchange.backend = local with {} MPI ranks (it exchanges inside one process). "
                "Use exchange.backend=mpi, or one rank",
                comm.size()));
    });
    if (config.exchange.backend == "plugin") load_plugin();
    open_source();
    on_all_ranks(comm, [&] { check_source(); });

    std::vector<LayerId> layers;
    Assign assign{};
    on_all_ranks(comm, [&] {
        layers = LayerChoice::from(config.model.layers).pick(source_->info().layer);
        assign = resolve_assign(config.tokens, source_->info(), comm.size());
    });
    spec_ = {config.shape,
             config.model.dtype,
             config.exchange.wire_dtype,
             config.exchange.combine_dtype,
             config.exchange.dedup,
             config.routing.seed,
             config.model.distinct_weights,
             narrow<int>(layers.size())};
    topology_ = make_topology(config.cluster, comm);
    placement_ = std::make_unique<Placement>(
        linear_placement(spec_.layers, config.shape.num_experts, comm.size()));
    on_all_ranks(comm, [&] {
        exchange_routes(config.exchange.algorithm, *placement_, *topology_, spec_.dedup,
                        comm.rank());
    });
    case_ = std::make_unique<ReplayCase>(
        ReplayCase{spec_,
                   *source_,
                   std::move(layers),
                   assign,
                   *placement_,
                   *topology_,
                   plugin_ ? plugin_algorithm : config.exchange.algorithm,
                   config.measure,
                   config.inject,
                   {},
                   overlap(),
                   config.compute.emulate_us});
}

RunCase::~RunCase() = default;

void RunCase::open_source() {
    auto const& routing = config_.routing;
    on_all_ranks(comm_, [&] {
        if (routing.trace.empty()) {
            source_ = make_generator(routing, config_.tokens, config_.shape.num_experts,
                                     config_.shape.top_k, config_.shape.moe_layers);
            return;
        }
        auto file = std::make_unique<TraceFile>(routing.trace, Probe::skip);
        if (comm_.is_root()) note_hash(*file);
        source_ = restep(std::move(file), config_.tokens);
    });
    auto const& info = source_->info();
    trace_provenance_["origin"] = info.origin;
    trace_provenance_["producer"] = info.producer;
    trace_provenance_["model"] = info.model;
}

/// The hash of what is replayed; for a trace that takes minutes to read, what it states.
void RunCase::note_hash(TraceFile const& file) {
    constexpr double checked_bytes = 1 << 30;
    auto const& info = file.info();
    double const entries =
        static_cast<double>(info.tokens()) * info.top_k * static_cast<double>(info.layer.size());
    if (entries * (sizeof(float) + sizeof(int16_t)) > checked_bytes) {
        trace_provenance_["sha256_stated"] = file.stated_sha256();
        return;
    }
    auto const computed = file.computed_sha256();
    if (!file.stated_sha256().empty() && file.stated_sha256() != computed)
        trace_provenance_["sha256_stated"] = file.stated_sha256();
    trace_provenance_["sha256"] = computed;
}

void RunCase::check_source() const {
    auto const& info = source_->info();
    auto const& shape = config_.shape;
    if (info.num_experts != shape.num_experts || info.top_k != shape.top_k)
        throw InputError(fmt::format(
            "{} routes to {} experts, top-{}, but the model has model.num_experts = {}, "
            "model.top_k = {} (they must be equal). Choose the trace's model, or set them",
            config_.routing.trace, info.num_experts, info.top_k, shape.num_experts, shape.top_k));
    if (info.steps() == 0 || info.tokens() == 0)
        throw InputError(fmt::format("{} has no tokens to replay ({} steps). Use another trace",
                                     config_.routing.trace, info.steps()));
    if (row_width(shape) != shape.hidden)
        throw InputError(fmt::format(
            "model.dispatch_hidden = {} differs from hidden = {} (rows of another width than the "
            "model's cannot be replayed). Leave it out",
            shape.dispatch_hidden, shape.hidden));
}

/// Ranks on other hosts may find another file under the same path: provenance names one.
void RunCase::load_plugin() {
    on_all_ranks(comm_, [&] { plugin_.emplace(config_.exchange.plugin); });
    auto const hashes = comm_.all_gather(plugin_->sha256());
    on_all_ranks(comm_, [&] {
        auto const other = std::ranges::find_if_not(
            hashes, [&](std::string const& hash) { return hash == hashes.front(); });
        if (other != hashes.end())
            throw InputError(fmt::format(
                "{} is not the same file on all ranks (ranks 0 and {} differ). Install the same "
                "library on every host",
                plugin_->path(), other - hashes.begin()));
    });
}

std::string RunCase::trace_sha256() const {
    for (auto const* key : {"sha256", "sha256_stated"})
        if (auto const found = trace_provenance_.find(key); found != trace_provenance_.end())
            return found->second;
    return "";
}

int64_t RunCase::weight_bytes() const {
    return rank_memory(spec_.shape, comm_.size(), spec_.dtype).layer_bytes *
           (spec_.distinct_weights ? spec_.layers : 1);
}

/// What does not fit is refused before anything is made: the kernel would kill a rank late.
void RunCase::require_memory() const {
    auto const hostname = query_host().hostname;
    auto const mine = memory_need(*case_, comm_.size(), comm_.rank());
    double const left = available_memory();
    auto const hosts = comm_.all_gather(hostname);
    auto const needs = comm_.all_gather(
        fmt::format("{} {} {} {}", mine.weights, mine.tokens, mine.rows, mine.record));
    MemoryNeed all;  // of this host's ranks
    int64_t ranks = 0;
    for (std::size_t r = 0; r < hosts.size(); ++r) {
        if (hosts[r] != hostname) continue;
        ++ranks;
        std::istringstream need(needs[r]);
        for (auto* part : {&all.weights, &all.tokens, &all.rows, &all.record}) {
            double bytes = 0;
            need >> bytes;
            *part += bytes;
        }
    }
    comm_.barrier();  // nobody takes memory before all have seen what is left
    on_all_ranks(comm_, [&] {
        if (all.total() > left)
            throw InputError(fmt::format(
                "{} ranks need {} on {}, which has {} left (weights {}, tokens and routing {}, "
                "rows {}, times and counts {}). Lower model.scale, model.layers, tokens.per_step, "
                "tokens.steps or the number of passes, set model.distinct_weights = false or "
                "measure.start = aligned, or use more nodes",
                ranks, format_bytes(all.total()), hostname, format_bytes(left),
                format_bytes(all.weights), format_bytes(all.tokens), format_bytes(all.rows),
                format_bytes(all.record)));
    });
}

Overlap RunCase::overlap() const {
    Overlap overlap{config_.exchange.chunks, config_.step.micro_batches, false};
    on_all_ranks(comm_, [&] {
        auto const& thread = config_.exchange.progress_thread;
        bool const possible = mpi_allows_other_threads();
        if (thread == "on" && !possible)
            throw InputError(
                "exchange.progress_thread = on, but this MPI library lets the main thread alone "
                "communicate (no MPI_THREAD_SERIALIZED). Use off, or another MPI library");
        overlap.thread = overlap.any() && thread != "off" && possible;
    });
    return overlap;
}

std::vector<std::vector<WeightKey>> RunCase::weight_keys() const {
    std::vector<std::vector<WeightKey>> keys;
    for (int l = 0; l < spec_.layers; ++l) {
        auto& layer = keys.emplace_back();
        if (config_.compute.emulate_us > 0) continue;
        for (ExpertId const e : placement_->experts_of(LayerId{l}, comm_.rank()))
            layer.push_back({WeightKey::Role::routed, spec_.weights_layer(l), index(e)});
    }
    return keys;
}

void RunCase::make_exchanges() {
    auto const rank = static_cast<std::size_t>(index(comm_.rank()));
    auto const offset = placement_->rank_slot_offset();
    ExchangeShape const shape{spec_.shape.hidden,
                              spec_.dtype,
                              spec_.wire_dtype,
                              spec_.combine_dtype,
                              spec_.shape.weight_at,
                              offset[rank],
                              offset[rank + 1] - offset[rank]};
    int const parts = case_->overlap.parts();
    for (int part = 0; part < parts; ++part)
        channels_.push_back(Communicator::duplicate(comm_.native()));
    for (auto const& channel : channels_) {
        if (config_.exchange.backend == "mpi") {
            exchanges_.push_back(make_mpi_exchange(channel, case_->algorithm, *placement_,
                                                   *topology_, spec_.dedup, shape));
            continue;
        }
        auto transport = plugin_ ? make_plugin_transport(*plugin_, channel, *topology_)
                                 : std::move(make_local_transports(1).front());
        exchanges_.push_back(
            make_flat_exchange(std::move(transport), *placement_, spec_.dedup, shape));
    }
}

RunRecord RunCase::run(ReplayProgress progress, std::function<bool()> interrupted,
                       Heartbeat& heartbeat) {
    auto const [threads, oversubscribed] = share_cores(comm_, config_.compute.threads);
    heartbeat.enter("waiting for a turn");
    // No part of the canonical configuration, so only rank 0 knows what a file says.
    auto const turns_file = comm_.broadcast(config_.measure.turns_file);
    auto const turns =
        turns_file.empty()
            ? std::make_unique<Turns>(comm_)
            : std::make_unique<Turns>(comm_, turns_file, config_.measure.turns_runs, interrupted);
    if (config_.measure.probe != "off") {
        heartbeat.enter("probing the machine");
        if (progress) progress("probe", 0, 1);
        case_->calibration = calibrate({}, comm_, *topology_, threads);
    }
    heartbeat.enter("making weights");
    make_exchanges();
    std::vector<Exchange*> exchanges;
    for (auto const& exchange : exchanges_) exchanges.push_back(exchange.get());
    std::unique_ptr<ExpertKernel> experts;
    std::unique_ptr<LocalNetworks> local;
    on_all_ranks(comm_, [&, n = threads] {
        experts = make_expert_kernel(config_.compute.kernel, spec_.routed(), spec_.seed,
                                     weight_keys(), n);
        local = std::make_unique<LocalNetworks>(spec_, config_.compute.kernel, n);
    });
    MonotonicClock const clock;
    auto record = replay(*case_, comm_,
                         {exchanges, *experts, *local, clock, std::move(progress),
                          std::move(interrupted), &heartbeat, turns.get(), oversubscribed});
    record.topology = rank_places(comm_, *topology_);
    if (!comm_.is_root()) return {};
    auto const& calibration = case_->calibration;
    record.ceilings = ceiling_rows(calibration, *topology_);
    record.size = calibration.size;
    record.link_seconds = calibration.link_seconds;
    if (!turns_file.empty())
        record.provenance["measure"]["turns"] =
            fmt::format("one of {} runs that measured by turns", config_.measure.turns_runs);
    record.kind = oversubscribed ? "oversubscribed" : "measured";
    bool const emulates = case_->emulate_us > 0;
    record.provenance["compute"] = {
        {"kernel", emulates ? "emulated" : std::string(experts->name())},
        {"threads", std::to_string(threads)}};
    if (plugin_)
        record.provenance["exchange"] = {{"plugin", plugin_->name()},
                                         {"plugin_version", plugin_->version()},
                                         {"plugin_path", plugin_->path()},
                                         {"plugin_sha256", plugin_->sha256()}};
    if (case_->overlap.any())
        record.provenance["exchange"]["progress_thread"] = case_->overlap.thread ? "on" : "off";
    if (trace_provenance_.contains("sha256") && trace_provenance_.contains("sha256_stated"))
        fmt::print(stderr,
                   "epsim: warning: {} was changed after it was written (its sha256 is {:.12}, it "
                   "states {:.12}). What is there was replayed\n",
                   config_.routing.trace, trace_provenance_["sha256"],
                   trace_provenance_["sha256_stated"]);
    describe(record);
    return record;
}

void RunCase::describe(RunRecord& record) const {
    note_run(record);
    record.provenance["trace"] = trace_provenance_;
    record.provenance["model"] = {
        {"preset", config_.model.preset.empty() ? "none" : config_.model.preset}};
    auto distortion = config_.distortion;
    if (double const us = config_.compute.emulate_us; us > 0)
        distortion += fmt::format("{}experts of a layer not computed: {} us instead",
                                  distortion.empty() ? "" : ", ", us);
    if (!distortion.empty()) {
        record.provenance["model"]["distorted"] = distortion;
        record.tags.emplace_back("distorted");
    }
    if (!spec_.distinct_weights) record.tags.emplace_back("warm-weights");
    if (auto const& origin = source_->info().origin;
        origin == "reshaped" || origin == "synthesised-from-counts")
        record.tags.push_back(origin);
}

std::string RunCase::describe() const {
    auto const& info = source_->info();
    int64_t most = 0;
    for (int64_t s = 0; s < info.steps(); ++s)
        most = std::max(most, info.tokens_of(StepId{narrow<int32_t>(s)}));
    int64_t const assignments = most * spec_.shape.top_k;
    int64_t const dispatch_row = row_bytes(spec_.shape, spec_.wire_dtype);
    int64_t const combine_row = row_bytes(spec_.shape, spec_.combine_dtype);
    // Sent and received rows of both directions, as they are held at once.
    auto const buffers = [&](int64_t sent, int64_t received) {
        return static_cast<double>((sent + received) * (dispatch_row + combine_row));
    };
    int64_t const share = (assignments + comm_.size() - 1) / comm_.size();
    std::string text;
    auto const row = [&](std::string_view what, std::string const& value) {
        text += fmt::format("{:<52}{}\n", what, value);
    };
    row("ranks", fmt::format("{} on {} node(s)", comm_.size(), topology_->nodes()));
    row("replayed",
        fmt::format("{} steps, {} tokens, {} layers", info.steps(), info.tokens(), spec_.layers));
    row("experts a rank, at most",
        std::to_string(rank_memory(spec_.shape, comm_.size(), spec_.dtype).experts));
    row("weights a rank, at most", format_bytes(static_cast<double>(weight_bytes())));
    row("row buffers a rank, balanced, largest step", format_bytes(buffers(share, share)));
    row("row buffers a rank, if one rank gets all", format_bytes(buffers(share, assignments)));
    row("selected bytes a layer, dispatch, largest step",
        format_bytes(static_cast<double>(assignments * dispatch_row)));
    row("selected bytes a layer, combine, largest step",
        format_bytes(static_cast<double>(assignments * combine_row)));
    row("FLOPs a layer, largest step",
        format_si(static_cast<double>(most) * static_cast<double>(token_flops(spec_.shape)),
                  "FLOP"));
    return text;
}

}  // namespace epsim
