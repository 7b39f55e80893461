#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/resolve.hpp"

namespace epsim {

/// The flags of a command that takes a configuration: --config FILE, --dump-config, and one flag a
/// key, grouped by section ('-' and '_' are equal in their names). Must outlive the parsing.
class ConfigBinder {
public:
    /// \param command gets the flags, and leaves unknown ones to input()
    explicit ConfigBinder(CLI::App& command);
    ConfigBinder(ConfigBinder const&) = delete;
    ConfigBinder& operator=(ConfigBinder const&) = delete;

    /// --dump-config was given: print ResolvedConfig::dump and do nothing else.
    bool dump_requested() const { return dump_->count() > 0; }
    /// What the parsed command line says; reads the file of --config.
    /// \throws InputError on an unknown flag, or a file that cannot be read
    ConfigInput input() const;
    /// The text of a key's flag, if it was given; nothing is checked yet.
    std::optional<std::string> flag(std::string_view path) const;
    /// Resolve that against the presets of config_dir(). Reads files: call it on one rank, and send
    /// `canonical` to the others. \throws InputError
    ResolvedConfig resolve(TraceReader const& read_trace = {}) const;

private:
    void refuse_unknown() const;

    CLI::App& command_;
    CLI::Option* config_;
    CLI::Option* dump_;
    std::vector<std::pair<std::string, CLI::Option*>> options_;  // by key
};

/// Reads presets from config_dir()/models.
ConfigFile read_model_preset(std::string_view name);

}  // namespace epsim
