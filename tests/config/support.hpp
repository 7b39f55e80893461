#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "config/presets.hpp"
#include "config/resolve.hpp"
#include "core/error.hpp"

namespace epsim {

inline ConfigFile source_preset(std::string_view name) {
    auto const path = PresetFolder(config_dir() / "models").find(name);
    return {path.string(), read_text_file(path)};
}

/// Resolve a file's text and flags; routing is uniform unless they say otherwise.
inline ResolvedConfig resolve_text(std::string text, std::vector<Override> overrides = {}) {
    return resolve({ConfigFile{"/folder/run.toml", std::move(text)}, std::move(overrides)},
                   source_preset);
}

/// Enough for a text to be a complete configuration.
inline std::string const routed = "[routing]\ngenerator = \"uniform\"\n[tokens]\nper_step = 64\n";

/// What() of the InputError that `act` throws.
inline std::string error_of(std::function<void()> const& act) {
    try {
        act();
    } catch (InputError const& e) {
        return e.what();
    }
    return "no error";
}

}  // namespace epsim
