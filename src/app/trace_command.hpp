#pragma once

#include <string>

#include "app/commands.hpp"
#include "trace/routing.hpp"

namespace epsim {

// The commands under `epsim trace`.
void add_trace_generate_command(CLI::App& trace, Action& action);
void add_trace_import_command(CLI::App& trace, Action& action);
void add_trace_info_command(CLI::App& trace, Action& action);
void add_trace_slice_command(CLI::App& trace, Action& action);
void add_trace_merge_command(CLI::App& trace, Action& action);
void add_trace_rescale_command(CLI::App& trace, Action& action);
void add_trace_fit_command(CLI::App& trace, Action& action);
void add_trace_export_command(CLI::App& trace, Action& action);

/// An option that takes "8K", "1M" or a plain number, `least` or more.
void add_size_option(CLI::App& command, std::string const& name, int64_t& size, int64_t least,
                     std::string const& help);

/// Write the trace and say so on stdout.
ExitCode write_and_tell(RoutingSource const& source, std::string const& path);

/// "top-6 of 64 experts in 26 layers, 8222 tokens in 9 steps"
std::string describe(TraceInfo const& info);

}  // namespace epsim
