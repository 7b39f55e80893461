#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "core/error.hpp"

namespace epsim {

/// What the chosen command does once the command line is parsed.
using Action = std::function<ExitCode()>;

// One file a command: each adds its sub-command and sets `action` when it is chosen.
void add_info_command(CLI::App& root, Action& action);
void add_run_command(CLI::App& root, Action& action);
void add_calibrate_command(CLI::App& root, Action& action);
void add_report_command(CLI::App& root, Action& action);
void add_compare_command(CLI::App& root, Action& action);
void add_model_command(CLI::App& root, Action& action);
void add_verify_command(CLI::App& root, Action& action);
void add_trace_command(CLI::App& root, Action& action);
void add_placement_command(CLI::App& root, Action& action);

}  // namespace epsim
