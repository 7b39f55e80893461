#include "app/run_main.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "comm/mpi_session.hpp"
#include "core/text.hpp"

namespace epsim {
namespace {

/// A rank that fails alone takes the others with it: they may be waiting for it.
int fail(ExitCode code, std::string_view what) {
    if (!mpi_is_running()) {
        fmt::print(stderr, "epsim: {}\n", what);
        return static_cast<int>(code);
    }
    fmt::print(stderr, "{} {}\n", this_rank(), what);
    std::fflush(stderr);
    abort_job(static_cast<int>(code));
}

/// What is wrong with a command line that CLI11 did not accept.
std::string complaint(CLI::App const& app, CLI::ParseError const& e, int argc, char** argv) {
    if (argc < 2 || argv[1][0] == '-' || e.get_name() != "RequiredError") return e.what();
    std::vector<std::string> commands;
    for (auto const* command : app.get_subcommands(nullptr))
        commands.push_back(command->get_name());
    if (std::ranges::find(commands, argv[1]) != commands.end()) return e.what();
    return fmt::format("unknown command '{}' (nearest: {})", argv[1], nearest(argv[1], commands));
}

/// Says what is wrong with the command line, once for all ranks, which were told the same. The
/// others' success leaves the job's status to rank 0: no launcher ends it before it has spoken.
int refuse(ExitCode code, std::string_view what) {
    if (launcher_rank() != 0) return static_cast<int>(ExitCode::success);
    fmt::print(stderr, "epsim: {}\n", what);
    return static_cast<int>(code);
}

/// Help, or what is wrong with the command line.
int answer(CLI::App const& app, CLI::ParseError const& e, int argc, char** argv) {
    if (e.get_exit_code() != 0)
        return refuse(ExitCode::usage,
                      fmt::format("{}. See epsim --help", complaint(app, e, argc, argv)));
    if (launcher_rank() == 0) app.exit(e);
    return static_cast<int>(ExitCode::success);
}

/// The arguments with every '_' in a flag's name as '-': they are equal, and this spelling is
/// known.
std::vector<std::string> with_dashes(int argc, char** argv) {
    std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    for (auto& argument : arguments) {
        if (argument == "--") break;
        if (!argument.starts_with("--")) continue;
        auto const name_end = argument.begin() + static_cast<std::ptrdiff_t>(
                                                     std::min(argument.find('='), argument.size()));
        std::replace(argument.begin(), name_end, '_', '-');
    }
    std::ranges::reverse(arguments);  // CLI11 takes the last first
    return arguments;
}

/// Whether all ranks of a job work together on the command, or one process does it.
bool is_collective(CLI::App const& app) {
    auto const name = app.get_subcommands().front()->get_name();
    return name == "run" || name == "calibrate";
}

}  // namespace

int run_main(int argc, char** argv) {
    Action action;  // outlives a failure: what it holds may watch over the end of the job
    CLI::App app{"Expert-parallel simulator and benchmark suite for Mixture-of-Experts models",
                 "epsim"};
    try {
        app.require_subcommand(1);
        add_run_command(app, action);
        add_calibrate_command(app, action);
        add_info_command(app, action);
        add_report_command(app, action);
        add_compare_command(app, action);
        add_model_command(app, action);
        add_verify_command(app, action);
        add_trace_command(app, action);
        add_placement_command(app, action);
        try {
            app.parse(with_dashes(argc, argv));
        } catch (CLI::ParseError const& e) {
            return answer(app, e, argc, argv);
        } catch (Error const& e) {  // a value that is not allowed
            return refuse(e.exit_code(), e.what());
        }
        // As for what is refused.
        if (!is_collective(app) && launcher_rank() != 0) return static_cast<int>(ExitCode::success);
        return static_cast<int>(action());
    } catch (Error const& e) {
        return fail(e.exit_code(), e.what());
    } catch (std::bad_alloc const&) {
        return fail(ExitCode::failure, "out of memory. Lower the sizes or use more ranks");
    } catch (std::exception const& e) {
        return fail(ExitCode::failure, e.what());
    }
}

}  // namespace epsim
