#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/toml_reader.hpp"

namespace epsim {

/// What a key speaks of: presets may set `shape` only; `circumstance` (where things are found or
/// put, how long a run may take) is no part of a run's identity.
enum class KeyScope { shape, setting, circumstance };

/// How a value's text is taken: as it stands, or as a path that is relative to the folder of the
/// file that states it (on the command line, to the working directory).
enum class ValueKind { plain, input_path };

/// One setting: the row of the table that TOML, command line and help share.
struct Key {
    std::string path;                  ///< "model.top_k"
    std::string help;                  ///< one line
    std::string type;                  ///< for help: "INT"
    std::string allowed;               ///< for errors: "an integer from 1 to 65536"
    std::vector<std::string> choices;  ///< names to choose from, if it is such a key
    std::vector<std::string> words;    ///< of an input path: what stands for no file
    std::vector<TomlType> accepts;
    std::function<bool(Config&, std::string const&)> set;  ///< false: the text is not allowed
    std::function<std::string(Config const&)> get;         ///< a TOML literal
    KeyScope scope = KeyScope::setting;
    ValueKind kind = ValueKind::plain;

    std::string section() const { return path.substr(0, path.find('.')); }
    std::string leaf() const { return path.substr(path.find('.') + 1); }
};

/// The key of a path; null if there is none.
Key const* find_key(std::span<Key const> keys, std::string_view path);

/// Every key, in the order of the dump.
std::vector<Key> const& config_keys();

}  // namespace epsim
