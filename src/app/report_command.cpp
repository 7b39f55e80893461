#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "report/report.hpp"
#include "store/result_file.hpp"
#include "store/run_directory.hpp"

namespace epsim {
namespace {

struct ReportArguments {
    std::vector<std::string> paths;
    bool json = false;
    int width = 100;
};

/// Result files, and those of run directories.
std::vector<std::filesystem::path> result_files(std::vector<std::string> const& paths) {
    std::vector<std::filesystem::path> files;
    for (auto const& path : paths) {
        if (std::error_code none; !std::filesystem::is_directory(path, none)) {
            files.emplace_back(path);
            continue;
        }
        auto const run = RunDirectory::open(path);
        auto const cases = run.cases();
        if (cases.empty())
            throw InputError(fmt::format("{} holds no result ({}). {}", path, describe_state(run),
                                         run.status() == "running"
                                             ? "Wait for it, or run it again elsewhere"
                                             : "Run it again"));
        files.insert(files.end(), cases.begin(), cases.end());
    }
    return files;
}

ExitCode report(ReportArguments const& arguments) {
    auto const style = stdout_style(arguments.width);
    auto results = nlohmann::json::array();
    char const* separator = "";
    for (auto const& file : result_files(arguments.paths)) {
        auto const record = read_result(file);
        if (arguments.json) {
            results.push_back(report_json(record, file.string()));
        } else {
            fmt::print("{}{}", separator, report_text(record, file.string(), style));
            separator = "\n\n";
        }
    }
    if (arguments.json) {
        nlohmann::json const document{{"schema", "epsim-report"}, {"results", results}};
        fmt::print("{}\n", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    return ExitCode::success;
}

}  // namespace

void add_report_command(CLI::App& root, Action& action) {
    auto const arguments = std::make_shared<ReportArguments>();
    auto* command = root.add_subcommand("report", "Print what a run measured");
    command->add_option("path", arguments->paths, "Run directories or result files")->required();
    command->add_flag("--json", arguments->json, "The same figures as JSON");
    command->add_option("--width", arguments->width, "Columns of the report")
        ->check(CLI::Range(80, 1000))
        ->capture_default_str();
    command->callback(
        [arguments, &action] { action = [arguments] { return report(*arguments); }; });
}

}  // namespace epsim
