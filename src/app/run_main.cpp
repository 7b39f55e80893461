#include "app/run_main.hpp"

#include <fmt/format.h>

#include <new>

#include "app/commands.hpp"
#include "comm/mpi_session.hpp"

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

}  // namespace

int run_main(int argc, char** argv) {
    try {
        Action action;
        CLI::App app{"Expert-parallel simulator and benchmark suite for Mixture-of-Experts models",
                     "epsim"};
        app.require_subcommand(1);
        add_run_command(app, action);
        add_info_command(app, action);
        add_report_command(app, action);
        add_model_command(app, action);
        add_verify_command(app, action);
        add_trace_command(app, action);
        try {
            app.parse(argc, argv);
        } catch (CLI::ParseError const& e) {
            return app.exit(e) == 0 ? 0 : static_cast<int>(ExitCode::usage);
        }
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
