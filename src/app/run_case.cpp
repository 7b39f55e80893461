#include "app/run_case.hpp"

#include <fmt/format.h>

#include "app/host_need.hpp"
#include "app/rank_layout.hpp"
#include "app/run_facts.hpp"
#include "comm/mpi_session.hpp"
#include "compute/cuda/cuda_kernel.hpp"
#include "core/text.hpp"
#include "device/device_query.hpp"
#include "layer/exchange_trial.hpp"
#include "layer/injection.hpp"
#include "layer/interruption.hpp"
#include "layer/memory_need.hpp"
#include "layer/pair_capacity.hpp"
#include "probe/calibrate.hpp"
#include "probe/ceiling_rows.hpp"
#include "schedule/exchange_candidates.hpp"
#include "schedule/exchange_schedule.hpp"
#include "schedule/step_schedule.hpp"

namespace epsim {
namespace {

/// Phases that every layer has, whichever algorithm may still be chosen.
std::vector<Phase> certain_phases(std::string_view algorithm, bool gated) {
    bool const fused = algorithm == auto_algorithm || one_pass(algorithm);
    std::vector<Phase> phases;
    for (auto const& task : sequential_step(1, fused, gated).tasks) phases.push_back(task.phase);
    return phases;
}

}  // namespace

RunCase::RunCase(Config const& config, Communicator const& comm)
    : config_(config),
      comm_(comm),
      backend_(config.exchange, comm),
      input_(config, comm),
      case_(input_.replay_case()) {
    case_.algorithm = backend_.algorithm();
    on_all_ranks(comm, [&] {
        require_device(config.compute.device);
        require_possible(config.inject, comm.size(),
                         certain_phases(case_.algorithm, case_.router.runs()),
                         "exchange.algorithm = " + config.exchange.algorithm);
    });
    if (config.compute.device == "cuda") use_gpu();
    case_.overlap = overlap();
    if (case_.algorithm == "padded")
        case_.capacity = pair_capacity(case_, comm, config.exchange.capacity);
}

RunCase::~RunCase() = default;

void RunCase::use_gpu() {
    gpu_ = choose_gpu(comm_, config_.compute.allow_oversubscribe);
    case_.spec.device = DeviceKind::cuda;
    case_.spec.rounds_products = rounds_products(kernel());
}

std::string RunCase::kernel() const {
    return gpu_ && config_.compute.kernel == "auto" ? "cublas" : config_.compute.kernel;
}

/// What does not fit is refused before anything is made: the kernel would kill a rank late.
void RunCase::require_memory() const {
    auto const mine = memory_need(case_, comm_.size(), comm_.rank());
    auto const need =
        host_need(comm_, std::vector{mine.weights, mine.tokens, mine.rows, mine.record});
    on_all_ranks(comm_, [&] {
        if (need.fits()) return;
        throw InputError(fmt::format(
            "{} ranks need {} on {}, which has {} left (weights {}, tokens and routing {}, "
            "rows {}, times and counts {}). Lower model.scale, model.layers, tokens.per_step, "
            "tokens.steps or the number of passes, set model.distinct_weights = false or "
            "measure.start = aligned, {}or use more nodes",
            need.ranks, format_bytes(need.total()), need.hostname, format_bytes(need.left),
            format_bytes(need.part[0]), format_bytes(need.part[1]), format_bytes(need.part[2]),
            format_bytes(need.part[3]),
            case_.algorithm == auto_algorithm
                ? "name an exchange.algorithm (auto holds the rows of all that it tries), "
                : ""));
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
    for (int l = 0; l < case_.spec.layers; ++l) {
        auto& layer = keys.emplace_back();
        if (config_.compute.emulate_us > 0) continue;
        for (ExpertId const e : case_.placement.experts_of(LayerId{l}, comm_.rank()))
            layer.push_back({WeightKey::Role::routed, case_.spec.weights_layer(l), index(e)});
    }
    return keys;
}

std::unique_ptr<Exchange> RunCase::make_exchange(Communicator const& channel,
                                                 std::string_view algorithm) const {
    auto shape = exchange_shape(case_.spec, case_.placement, comm_.rank());
    shape.capacity = case_.capacity;
    return backend_.exchange(channel, algorithm, case_.placement, case_.topology, case_.spec.dedup,
                             shape);
}

void RunCase::choose_exchange(std::function<bool()> const& interrupted, Heartbeat& heartbeat) {
    auto const channel = Communicator::duplicate(comm_.native());
    choice_ = try_exchanges(
        case_, comm_, exchange_candidates(case_.topology, case_.spec.dedup),
        [&](std::string const& algorithm) { return make_exchange(channel, algorithm); },
        [&] {
            heartbeat.enter("choosing the exchange");
            require_not_interrupted(comm_, interrupted, "the choice of the exchange");
        });
    case_.algorithm = choice_->algorithm();
}

void RunCase::make_exchanges() {
    int const parts = case_.overlap.parts();
    for (int part = 0; part < parts; ++part)
        channels_.push_back(Communicator::duplicate(comm_.native()));
    for (auto const& channel : channels_)
        exchanges_.push_back(make_exchange(channel, case_.algorithm));
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
        case_.calibration = calibrate({}, comm_, case_.topology, threads);
    }
    if (case_.algorithm == auto_algorithm) {
        if (progress) progress("choosing the exchange", 0, 1);
        choose_exchange(interrupted, heartbeat);
    }
    heartbeat.enter("making weights");
    make_exchanges();
    std::vector<Exchange*> exchanges;
    for (auto const& exchange : exchanges_) exchanges.push_back(exchange.get());
    std::unique_ptr<ExpertKernel> experts;
    std::unique_ptr<LocalNetworks> local;
    on_all_ranks(comm_, [&, n = threads] {
        experts =
            make_expert_kernel(kernel(), case_.spec.routed(), case_.spec.seed, weight_keys(), n);
        local = std::make_unique<LocalNetworks>(case_.spec, kernel(), n);
    });
    MonotonicClock const clock;
    auto record = replay(case_, comm_,
                         {exchanges, *experts, *local, clock, std::move(progress),
                          std::move(interrupted), &heartbeat, turns.get(), oversubscribed});
    record.topology = rank_places(comm_, case_.topology, gpu_ ? gpu_->gpu : GpuInfo{});
    if (!comm_.is_root()) return {};
    auto const& calibration = case_.calibration;
    record.ceilings = ceiling_rows(calibration, case_.topology);
    record.size = calibration.size;
    record.link_seconds = calibration.link_seconds;
    if (!turns_file.empty())
        record.provenance["measure"]["turns"] =
            fmt::format("one of {} runs that measured by turns", config_.measure.turns_runs);
    record.kind = oversubscribed || (gpu_ && gpu_->shared) ? "oversubscribed" : "measured";
    bool const emulates = case_.emulate_us > 0;
    record.provenance["compute"] = {
        {"kernel", emulates ? "emulated" : std::string(experts->name())},
        {"threads", std::to_string(threads)}};
    input_.trace().warn_if_changed();
    describe(record);
    return record;
}

void RunCase::describe_exchange(RunRecord& record) const {
    backend_.describe(record);
    if (choice_) choice_->describe(record.provenance["exchange"]);
    if (gpu_)
        record.provenance["exchange"]["rows"] =
            config_.exchange.backend == "mpi" ? "staged through host memory" : "on the GPUs";
    if (case_.overlap.any())
        record.provenance["exchange"]["progress_thread"] = case_.overlap.thread ? "on" : "off";
}

void RunCase::describe(RunRecord& record) const {
    note_run(record);
    describe_exchange(record);
    record.provenance["trace"] = input_.trace().provenance();
    record.provenance["placement"] = input_.placement().facts;
    if (auto const& router = case_.router; router.runs()) {
        auto& gate = record.provenance["gate"];
        gate["gate"] = name_of(router.gate.kind);
        gate["decides"] = router.decides ? "yes" : "no";
        gate["capacity_factor"] = fmt::format("{}", router.overflow.capacity.factor);
    }
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
    if (!case_.spec.distinct_weights) record.tags.emplace_back("warm-weights");
    if (auto const& origin = case_.source.info().origin;
        origin == "reshaped" || origin == "synthesised-from-counts")
        record.tags.push_back(origin);
}

}  // namespace epsim
