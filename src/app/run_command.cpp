#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <memory>

#include "app/commands.hpp"
#include "app/progress.hpp"
#include "app/run_case.hpp"
#include "comm/mpi_session.hpp"
#include "config/binder.hpp"
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
};

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

std::string default_directory(std::string const& name) {
    return fmt::format("runs/{:%Y%m%dT%H%M%SZ}-{}", fmt::gmtime(std::time(nullptr)), name);
}

/// What makes a case beside its settings, as comments of its TOML: its hash covers them.
std::string identity(Communicator const& comm, RunCase const& run_case) {
    auto text = fmt::format("# ranks = {}\n", comm.size());
    if (auto const hash = run_case.trace_sha256(); !hash.empty())
        text += fmt::format("# sha256 of routing.trace = {}\n", hash);
    return text;
}

/// Best effort: the failure itself must reach the user, not one of writing it down.
void note_failure(RunDirectory& directory, std::string const& what) {
    try {
        directory.set_status("failed", what);
    } catch (std::exception const&) {
    }
}

ExitCode run_on(Communicator const& comm, RunFlags const& flags) {
    auto const resolved = agree_on_config(comm, flags.binder);
    auto const& config = resolved.config;
    if (flags.binder.dump_requested()) {
        if (comm.is_root()) fmt::print("{}", resolved.dump);
        return ExitCode::success;
    }
    RunCase run_case(config, comm);
    if (flags.dry_run) {
        if (comm.is_root()) fmt::print("{}", run_case.describe());
        return ExitCode::success;
    }
    run_case.require_memory();
    std::optional<RunDirectory> directory;
    on_all_ranks(comm, [&] {
        if (comm.is_root())
            directory = RunDirectory::create(
                config.output_dir.empty() ? default_directory(config.name) : config.output_dir);
    });
    try {
        Progress progress(flags.quiet || !comm.is_root() ? Progress::Mode::quiet
                                                         : Progress::Mode::automatic);
        auto record = run_case.run([&](std::string_view stage, int64_t done, int64_t total) {
            progress.update(stage, done, total);
        });
        on_all_ranks(comm, [&] {
            if (!comm.is_root()) return;
            auto const& text =
                run_case.trace_sha256().empty() ? resolved.canonical : resolved.without_folders;
            record.config = text + identity(comm, run_case);
            record.summary = summarise(record);
            auto const file = directory->seal(record);
            directory->set_status(record.status);
            if (!flags.quiet)
                fmt::print("{}\n", report_text(record, file.string(), stdout_style()));
            fmt::print("result: {}\n", file.string());
        });
    } catch (std::exception const& e) {
        if (directory) note_failure(*directory, e.what());
        throw;
    }
    return ExitCode::success;
}

ExitCode run(RunFlags const& flags) {
    MpiSession const session;
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    try {
        return run_on(comm, flags);
    } catch (CollectiveError const& e) {  // every rank is here: end in order, one message
        if (comm.is_root()) fmt::print(stderr, "epsim: {}\n", e.what());
        return e.exit_code();
    }
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
