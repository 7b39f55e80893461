#include <fmt/format.h>

#include <memory>

#include "app/commands.hpp"
#include "store/verify.hpp"

namespace epsim {
namespace {

void print(Verification const& report) {
    fmt::print("{}: {}\n", report.path.string(), report.what);
    for (auto const& rule : report.held) fmt::print("  holds   {}\n", rule);
    for (auto const& violation : report.violations) fmt::print("  BROKEN  {}\n", violation);
}

/// \throws VerificationError naming the first violation and how many there are
ExitCode run_verify(std::vector<std::string> const& paths) {
    std::string first;
    std::size_t broken = 0;
    for (auto const& path : paths)
        for (auto const& report : verify(path)) {
            print(report);
            if (broken == 0 && !report.violations.empty())
                first = fmt::format("{}: {}", report.path.string(), report.violations.front());
            broken += report.violations.size();
        }
    if (broken == 0) return ExitCode::success;
    throw VerificationError(
        fmt::format("{} ({} of the rules above {} broken). Do not use these numbers", first, broken,
                    broken == 1 ? "is" : "are"));
}

}  // namespace

void add_verify_command(CLI::App& root, Action& action) {
    auto* command = root.add_subcommand(
        "verify",
        "Check schema, hashes and byte conservation of runs, results, traces and calibrations");
    auto paths = std::make_shared<std::vector<std::string>>();
    command->add_option("paths", *paths, "run directories, result, trace or calibration files")
        ->required();
    command->callback([paths, &action] { action = [paths] { return run_verify(*paths); }; });
}

}  // namespace epsim
