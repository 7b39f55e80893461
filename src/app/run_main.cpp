#include "app/run_main.hpp"

#include <cstdio>
#include <new>

#include "app/commands.hpp"

namespace epsim {

int run_main(int argc, char** argv) {
    try {
        Action action;
        CLI::App app{"Expert-parallel simulator and benchmark suite for Mixture-of-Experts models",
                     "epsim"};
        app.require_subcommand(1);
        add_verify_command(app, action);
        try {
            app.parse(argc, argv);
        } catch (CLI::ParseError const& e) {
            return app.exit(e) == 0 ? 0 : static_cast<int>(ExitCode::usage);
        }
        return static_cast<int>(action());
    } catch (Error const& e) {
        std::fprintf(stderr, "epsim: %s\n", e.what());
        return static_cast<int>(e.exit_code());
    } catch (std::bad_alloc const&) {
        std::fprintf(stderr, "epsim: out of memory. Lower the sizes or use more ranks\n");
        return static_cast<int>(ExitCode::failure);
    }
}

}  // namespace epsim
