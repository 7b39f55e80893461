#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "app/trace_command.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "store/sealed_file.hpp"
#include "store/trace_file.hpp"
#include "trace/formats/export.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;

struct ExportFlags {
    std::string file, format, output;
    ExportRequest request;
    std::vector<std::string> given;  // options that not every format takes
};

std::vector<std::string> format_names() {
    std::vector<std::string> names;
    for (auto const& format : export_formats()) names.emplace_back(format.name);
    return names;
}

ExportFormat const& chosen(ExportFlags const& flags) {
    auto const all = export_formats();
    auto const found = std::ranges::find(all, flags.format, &ExportFormat::name);
    if (found == all.end())
        throw InputError(fmt::format("--format {} is unknown (nearest: {}). Use one of {}",
                                     flags.format, nearest(flags.format, format_names()),
                                     fmt::join(format_names(), ", ")));
    auto const taken = split(found->options, ' ');
    for (auto const& option : flags.given)
        if (std::ranges::find(taken, option) == taken.end())
            throw InputError(fmt::format("--{} does not apply to --format {}. Leave it out", option,
                                         flags.format));
    return *found;
}

ExitCode export_trace(ExportFlags const& flags) {
    auto const& format = chosen(flags);
    TraceFile const trace(flags.file);
    auto request = flags.request;
    if (format.folder) {
        request.output = flags.output;
        std::error_code error;
        fs::create_directory(request.output, error);
        if (!fs::is_directory(request.output, error) || !fs::is_empty(request.output, error))
            throw InputError(fmt::format(
                "{} is not written (it is no empty folder). Name a new one", flags.output));
        format.write(trace, request);
    } else {
        SealedFile sealed(flags.output);
        request.output = sealed.temporary();
        format.write(trace, request);
        sealed.seal();
    }
    fmt::print("{}: {} ({})\n", flags.output, format.name, format.keeps);
    return ExitCode::success;
}

}  // namespace

void add_trace_export_command(CLI::App& trace, Action& action) {
    auto const flags = std::make_shared<ExportFlags>();
    auto& command = *trace.add_subcommand("export", "A trace in the formats of other systems");
    command.add_option("FILE", flags->file, "A trace file")->required();
    command
        .add_option("--format", flags->format, fmt::format("{}", fmt::join(format_names(), ", ")))
        ->required();
    command.add_option("-o,--output", flags->output, "The file, or the new folder, to write")
        ->required();
    command.add_option_function<int>(
        "--ranks",
        [flags](int ranks) {
            flags->request.ranks = ranks;
            flags->given.emplace_back("ranks");
        },
        "megatron-tokens-per-expert, byte-matrix: ranks that share the experts (1 if not given)");
    command.add_option_function<std::string>(
        "--row-bytes",
        [flags](std::string const& text) {
            flags->request.row_bytes = parse_size(text);
            flags->given.emplace_back("row-bytes");
        },
        "byte-matrix: bytes of a token and expert (1 if not given)");
    command.callback([flags, &action] { action = [flags] { return export_trace(*flags); }; });
}

}  // namespace epsim
