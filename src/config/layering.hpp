#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/key.hpp"
#include "config/resolve.hpp"
#include "config/toml_reader.hpp"

namespace epsim {

/// A Config being put together: later values replace earlier ones and leave their origin.
class ConfigLayering {
public:
    enum class Layer { preset, file };

    /// \throws InputError "path:line:column: ..." on an unknown key or a value that is not allowed
    void apply(ConfigFile const& source, std::vector<TomlEntry> const& entries, Layer layer,
               std::string const& origin);
    /// \throws InputError
    void apply(Override const& value);
    /// Back to the default.
    void forget(std::string const& path);
    /// For a key that nothing has set yet. \throws InputError
    void apply_if_unset(Override const& value, std::string const& origin);
    /// What is not given follows another key: wire and combine type the model's.
    void derive_defaults();

    Config config;
    std::map<std::string, std::string> origin;
};

/// "unknown key 'model.topk' (nearest: model.top_k). Correct it"
std::string unknown_key_message(std::string_view path);

/// All settings as TOML with a comment after each.
std::string dump_toml(Config const& config, std::map<std::string, std::string> const& origin);
/// The settings that make a run what it is, sorted.
std::string canonical_toml(Config const& config);

}  // namespace epsim
