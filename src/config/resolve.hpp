#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace epsim {

/// A TOML text and the path it was read from: for messages, and relative paths in it.
struct ConfigFile {
    std::string path, text;
};

/// A value given on the command line.
struct Override {
    std::string path;  ///< of the key
    std::string text;
};

/// All that a configuration is made from, but presets.
struct ConfigInput {
    std::optional<ConfigFile> file;
    std::vector<Override> overrides;
};

/// The file of a preset. \throws InputError if there is none of that name
using PresetReader = std::function<ConfigFile(std::string_view name)>;

/// What a trace says of its model, for the keys that nobody set. \throws InputError if unreadable
using TraceReader = std::function<std::vector<Override>(std::string const& trace)>;

/// A configuration and where it came from.
struct ResolvedConfig {
    Config config;
    std::map<std::string, std::string> origin;  ///< by key: "default", "preset mixtral-8x7b",
                                                ///< "file run.toml:3" or "command line"
    /// Every setting but circumstances (preset, output.dir, limits of time) as TOML, sorted: two
    /// inputs that mean the same run have the same text. Resolving it again in the same working
    /// directory gives the same Config, without any other file.
    std::string canonical;
    /// The same, but of routing.trace and exchange.plugin the file's name only: for a case whose
    /// files are known by their hashes, wherever they lie.
    std::string without_folders;
    /// Every setting as TOML with its origin as a comment; a configuration file itself, which may
    /// lie in any folder: its paths are absolute.
    std::string dump;
};

/// Default < trace < preset < file < command line; then the rules that tie several keys together,
/// and model.scale. Reads nothing but its arguments and the working directory's name.
/// \param read_trace called if routing.trace is set; empty = a trace says nothing
/// \throws InputError naming file, line and column, or the flag
ResolvedConfig resolve(ConfigInput const& input, PresetReader const& read_preset,
                       TraceReader const& read_trace = {});

/// The shape that a preset's text describes. \throws InputError
ModelShape preset_shape(ConfigFile const& preset);

}  // namespace epsim
