#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "core/text.hpp"
#include "report/comparison_formats.hpp"

namespace epsim {
namespace {

struct CompareArguments {
    std::vector<std::string> paths;
    std::string threshold, gate, format = "text";
    bool paired = false, allow_mixed = false;
    int width = 100;
};

/// "5%", "0.05". \throws InputError outside (0, 1)
double parse_share(std::string const& flag, std::string const& text) {
    bool const percent = text.ends_with('%');
    double share = 0;
    try {
        share = parse_ratio(text.substr(0, text.size() - (percent ? 1 : 0))) / (percent ? 100 : 1);
    } catch (InputError const&) {  // no number: the message below says what is
    }
    if (!(share > 0 && share < 1))
        throw InputError(fmt::format(
            "{} = {} (it must be a share above 0 and under 1). Write 5% or 0.05", flag, text));
    return share;
}

ComparisonOptions options_of(CompareArguments const& arguments) {
    ComparisonOptions options;
    if (!arguments.gate.empty())
        options.threshold = *(options.gate = parse_share("--gate", arguments.gate));
    if (!arguments.threshold.empty())
        options.threshold = parse_share("--threshold", arguments.threshold);
    options.analysis = arguments.paired ? Analysis::paired : Analysis::welch;
    options.allow_mixed = arguments.allow_mixed;
    return options;
}

std::string formatted(Comparison const& comparison, CompareArguments const& arguments) {
    if (arguments.format == "markdown") return comparison_markdown(comparison);
    if (arguments.format == "csv") return comparison_csv(comparison);
    if (arguments.format == "json")
        return comparison_json(comparison)
                   .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
               '\n';
    return comparison_text(comparison, stdout_style(arguments.width));
}

ExitCode run_compare(CompareArguments const& arguments) {
    auto const options = options_of(arguments);
    std::vector<Side> sides;
    for (auto const& path : arguments.paths) sides.push_back(read_side(path));
    auto const comparison = compare(std::move(sides), options);
    fmt::print("{}", formatted(comparison, arguments));
    return comparison.gate_failed() ? ExitCode::regression : ExitCode::success;
}

}  // namespace

void add_compare_command(CLI::App& root, Action& action) {
    auto const arguments = std::make_shared<CompareArguments>();
    auto* command = root.add_subcommand(
        "compare", "Say whether B (and further sides) is faster or slower than A");
    command
        ->add_option("sides", arguments->paths,
                     "A, B, ...: each a result file, a run's directory, or a directory that holds "
                     "the runs of several launches")
        ->required()
        ->expected(2, 1000);
    command->add_option("--threshold", arguments->threshold,
                        "The least change that matters: 3% (default) or 0.03");
    command->add_option("--gate", arguments->gate,
                        "Exit 4 if a step time is certainly slower, and by more than this; also "
                        "the threshold, unless that is given");
    command->add_flag("--paired", arguments->paired,
                      "The i-th launch of a side ran beside the i-th of the others");
    command->add_flag("--allow-mixed", arguments->allow_mixed,
                      "Compare runs of different kinds and tags");
    command->add_option("--format", arguments->format, "text, markdown, csv or json")
        ->check(CLI::IsMember({"text", "markdown", "csv", "json"}))
        ->capture_default_str();
    command->add_option("--width", arguments->width, "Columns of the text")
        ->check(CLI::Range(80, 1000))
        ->capture_default_str();
    command->callback(
        [arguments, &action] { action = [arguments] { return run_compare(*arguments); }; });
}

}  // namespace epsim
