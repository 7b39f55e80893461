#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <filesystem>
#include <memory>

#include "app/aggressor_run.hpp"
#include "app/commands.hpp"
#include "app/exchange_run.hpp"
#include "app/pairs_run.hpp"
#include "app/progress.hpp"
#include "app/run_case.hpp"
#include "app/run_guard.hpp"
#include "comm/mpi_session.hpp"
#include "config/binder.hpp"
#include "config/key_makers.hpp"
#include "measure/summary.hpp"
#include "report/report.hpp"
#include "store/run_directory.hpp"
#include "store/trace_file.hpp"

namespace epsim {
namespace {

struct RunFlags {
    explicit RunFlags(CLI::App& command) : binder(command) {}
    ConfigBinder binder;
    bool dry_run = false, quiet = false;
    std::optional<RunGuard> guard;  ///< here, since it must outlive MPI, and a failure's way out
};

/// As far as flags say, until the configuration is known: from the first moment there is a limit.
TimeLimits limits_of_flags(ConfigBinder const& binder) {
    MeasureOptions const defaults;
    auto const seconds = [&](char const* key, double otherwise) {
        return number_in(binder.flag(key).value_or(""), 0, any_size).value_or(otherwise);
    };
    return {seconds("measure.stall_s", defaults.stall_s),
            seconds("measure.timeout_s", defaults.timeout_s)};
}

/// A trace says how many experts it routes to, unless the user does. Opens it for the first time,
/// in a child process.
std::vector<Override> read_trace_facts(std::string const& path) {
    auto const info = TraceFile(path, Probe::in_child).info();
    return {{"model.num_experts", std::to_string(info.num_experts)},
            {"model.top_k", std::to_string(info.top_k)}};
}

/// Every rank gets rank 0's resolved configuration. Collective.
ResolvedConfig agree_on_config(Communicator const& comm, ConfigBinder const& binder) {
    ResolvedConfig resolved;
    on_all_ranks(comm, [&] {
        if (comm.is_root()) resolved = binder.resolve(read_trace_facts);
    });
    auto const canonical = comm.broadcast(resolved.canonical);
    on_all_ranks(comm, [&] {
        if (!comm.is_root())
            resolved = resolve({ConfigFile{"rank 0", canonical}, {}}, read_model_preset);
    });
    return resolved;
}

/// A new directory under runs/: of runs that start in the same second each makes its own.
std::string make_default_directory(std::string const& name) {
    namespace fs = std::filesystem;
    auto const path =
        fmt::format("runs/{:%Y%m%dT%H%M%SZ}-{}", fmt::gmtime(std::time(nullptr)), name);
    std::error_code error;
    fs::create_directories("runs", error);
    for (int n = 1; n < 1000; ++n) {
        auto const candidate = n == 1 ? path : fmt::format("{}-{}", path, n);
        if (fs::create_directory(candidate, error)) return candidate;
        if (error) break;  // what is wrong, RunDirectory says
    }
    return path;
}

/// What makes a case beside its settings, as comments of its TOML: its hash covers them.
std::string identity(Communicator const& comm, RunCase const& run_case) {
    auto text = fmt::format("# ranks = {}\n", comm.size());
    text += run_case.input().identity();
    if (auto const hash = run_case.plugin_sha256(); !hash.empty())
        text += fmt::format("# sha256 of exchange.plugin = {}\n", hash);
    return text;
}

/// Why the first rank that was asked to stop was. Collective.
std::string reason_to_stop(Communicator const& comm, RunGuard const& guard) {
    for (auto const& reason : comm.all_gather(guard.reason()))
        if (!reason.empty()) return reason;
    return "";
}

/// What is measured, and how it is written down.
struct Work {
    std::function<RunRecord(ReplayProgress, std::function<bool()>, Heartbeat&)>
        run;             ///< collective
    std::string config;  ///< what makes the case, TOML; on rank 0
    std::function<std::string(RunRecord const&, std::string const& path)> report;
};

/// Do the work and keep the result in the guard's directory. Collective.
ExitCode measure(Communicator const& comm, RunFlags const& flags, RunGuard& guard,
                 Work const& work) {
    Progress progress(flags.quiet || !comm.is_root() ? Progress::Mode::quiet
                                                     : Progress::Mode::automatic);
    auto record = work.run([&](std::string_view stage, int64_t done,
                               int64_t total) { progress.update(stage, done, total); },
                           [&] { return guard.asked_to_stop(); }, guard.heartbeat());
    guard.heartbeat().enter("writing the result");
    auto const status = comm.broadcast(record.status);
    bool const wrong = comm.all_max(record.wrong) > 0;
    std::string message;
    if (wrong)
        message = fmt::format(
            "verification failed: {} of {} rows differ from what was sent. The exchange is broken: "
            "do not use its timings",
            record.wrong, record.identities);
    else if (status == "interrupted")
        message = fmt::format("interrupted ({}). The result covers what was measured until then",
                              reason_to_stop(comm, guard));
    on_all_ranks(comm, [&] {
        if (!comm.is_root()) return;
        record.config = work.config;
        record.summary = summarise(record);
        auto const file = guard.seal(record, message);
        if (!message.empty()) fmt::print(stderr, "epsim: {}\n", message);
        if (!flags.quiet) fmt::print("{}\n", work.report(record, file.string()));
        fmt::print("result: {}\n", file.string());
        std::fflush(stdout);  // not to be lost if the end of MPI hangs
    });
    if (wrong) return ExitCode::verification_failed;
    return status == "interrupted" ? ExitCode::interrupted : ExitCode::success;
}

/// Make the run directory, measure, and see that the directory says how it ended. Collective.
ExitCode measure_into_directory(Communicator const& comm, RunFlags const& flags, RunGuard& guard,
                                Config const& config, Work const& work) {
    on_all_ranks(comm, [&] {
        if (comm.is_root())
            guard.own(RunDirectory::create(config.output_dir.empty()
                                               ? make_default_directory(config.name)
                                               : config.output_dir));
    });
    try {
        return measure(comm, flags, guard, work);
    } catch (CollectiveError const& e) {
        if (e.exit_code() != ExitCode::interrupted) {
            guard.give_up("failed", e.what());
            throw;
        }
        auto const message =
            fmt::format("{} ({}). Run it again", e.what(), reason_to_stop(comm, guard));
        guard.give_up("interrupted", message);
        throw CollectiveError(message, ExitCode::interrupted);
    } catch (std::exception const& e) {
        guard.give_up("failed", e.what());
        throw;
    }
}

ExitCode replay_on(Communicator const& comm, RunFlags const& flags, RunGuard& guard,
                   ResolvedConfig const& resolved) {
    RunCase run_case(resolved.config, comm);
    if (flags.dry_run) {
        if (comm.is_root()) fmt::print("{}", run_case.describe());
        return ExitCode::success;
    }
    run_case.require_memory();
    bool const known_by_hash =
        resolved.config.routing.trace.empty() || !run_case.input().trace().sha256().empty();
    auto const& text = known_by_hash ? resolved.without_folders : resolved.canonical;
    return measure_into_directory(comm, flags, guard, resolved.config,
                                  {[&](auto progress, auto interrupted, auto& heartbeat) {
                                       return run_case.run(std::move(progress),
                                                           std::move(interrupted), heartbeat);
                                   },
                                   text + identity(comm, run_case),
                                   [](RunRecord const& record, std::string const& path) {
                                       return report_text(record, path, stdout_style());
                                   }});
}

/// Exchanges of rows alone, by one of the classes that measure them.
template <class Run>
ExitCode exchange_on(Communicator const& comm, RunFlags const& flags, RunGuard& guard,
                     ResolvedConfig const& resolved) {
    Run exchange(resolved.config, comm);
    if (flags.dry_run) {
        if (comm.is_root()) fmt::print("{}", exchange.describe());
        return ExitCode::success;
    }
    exchange.require_memory();
    return measure_into_directory(
        comm, flags, guard, resolved.config,
        {[&](auto progress, auto interrupted, auto& heartbeat) {
             return exchange.run(std::move(progress), std::move(interrupted), heartbeat);
         },
         comm.is_root() ? resolved.without_folders + exchange.identity() : "",
         [&](RunRecord const& record, std::string const&) {
             return exchange.table(record, stdout_style());
         }});
}

ExitCode run_on(Communicator const& comm, RunFlags const& flags, RunGuard& guard) {
    guard.heartbeat().enter("reading the configuration");
    auto const resolved = agree_on_config(comm, flags.binder);
    auto const& config = resolved.config;
    // No part of the canonical configuration, so only rank 0 knows what a file says.
    guard.set_limits(
        {comm.broadcast(config.measure.stall_s), comm.broadcast(config.measure.timeout_s)});
    if (flags.binder.dump_requested()) {
        if (comm.is_root()) fmt::print("{}", resolved.dump);
        return ExitCode::success;
    }
    guard.heartbeat().enter("opening the case");
    if (!config.measure.exchange_only) return replay_on(comm, flags, guard, resolved);
    if (config.measure.pairs) return exchange_on<PairsRun>(comm, flags, guard, resolved);
    if (config.exchange.aggressor != "none")
        return exchange_on<AggressorRun>(comm, flags, guard, resolved);
    return exchange_on<ExchangeRun>(comm, flags, guard, resolved);
}

ExitCode run(RunFlags& flags) {
    auto& guard = flags.guard.emplace(limits_of_flags(flags.binder));
    MpiSession const session;
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    ExitCode status{};
    try {
        status = run_on(comm, flags, guard);
    } catch (CollectiveError const& e) {  // every rank is here: end in order, one message
        if (comm.is_root()) fmt::print(stderr, "epsim: {}\n", e.what());
        status = e.exit_code();
    }
    guard.heartbeat().enter("ending MPI");
    return status;
}

}  // namespace

void add_run_command(CLI::App& root, Action& action) {
    auto* command = root.add_subcommand("run", "Replay routing through real exchange and experts");
    auto flags = std::make_shared<RunFlags>(*command);
    command->add_flag("--dry-run", flags->dry_run,
                      "Print what would be replayed, memory and bytes a rank; run nothing");
    command->add_flag("--quiet", flags->quiet, "No progress and no report, only result: PATH");
    command->callback([&action, flags] { action = [flags] { return run(*flags); }; });
}

}  // namespace epsim
