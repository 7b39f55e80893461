#include "app/trace_command.hpp"

#include <fmt/format.h>

#include "core/text.hpp"
#include "store/trace_file.hpp"

namespace epsim {

void add_size_option(CLI::App& command, std::string const& name, int64_t& size, int64_t least,
                     std::string const& help) {
    auto const set = [name, &size, least](std::string const& text) {
        try {
            size = parse_size(text);
        } catch (InputError const& e) {
            throw InputError(fmt::format("{}: {}", name, e.what()));
        }
        if (size < least)
            throw InputError(fmt::format("{} = {} is out of range (it is {} or more). Correct it",
                                         name, size, least));
    };
    command.add_option_function<std::string>(name, set, help)->default_str(std::to_string(size));
}

std::string describe(TraceInfo const& info) {
    auto const count = [](std::size_t n, char const* noun) {
        return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
    };
    return fmt::format("top-{} of {} in {}, {} in {}", info.top_k,
                       count(static_cast<std::size_t>(info.num_experts), "expert"),
                       count(info.layer.size(), "layer"),
                       count(static_cast<std::size_t>(info.tokens()), "token"),
                       count(static_cast<std::size_t>(info.steps()), "step"));
}

ExitCode write_and_tell(RoutingSource const& source, std::string const& path) {
    write_trace(source, path);
    fmt::print("{}: {}\n", path, describe(source.info()));
    return ExitCode::success;
}

void add_trace_command(CLI::App& root, Action& action) {
    auto* const trace = root.add_subcommand("trace", "Routing traces: make, import, look into");
    trace->require_subcommand(1);
    add_trace_generate_command(*trace, action);
    add_trace_import_command(*trace, action);
    add_trace_info_command(*trace, action);
    add_trace_slice_command(*trace, action);
    add_trace_merge_command(*trace, action);
    add_trace_rescale_command(*trace, action);
    add_trace_fit_command(*trace, action);
    add_trace_export_command(*trace, action);
}

}  // namespace epsim
