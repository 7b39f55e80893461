#include "config/resolve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "config/distortion.hpp"
#include "config/key.hpp"
#include "config/layering.hpp"
#include "config/rebalance_presets.hpp"
#include "config/rules.hpp"
#include "core/error.hpp"

namespace epsim {
namespace {

/// The preset that is asked for, before any other key is looked at; empty = none.
std::string preset_name(ConfigInput const& input, std::vector<TomlEntry> const& entries) {
    std::string name;
    for (auto const& entry : entries)
        if (entry.path == "model.preset" && entry.type == TomlType::text) name = entry.text;
    for (auto const& value : input.overrides)
        if (value.path == "model.preset") name = value.text;
    return name == "none" ? "" : name;
}

bool is_word(std::string_view path, std::string const& text) {
    auto const& words = find_key(config_keys(), path)->words;
    return std::ranges::find(words, text) != words.end();
}

std::string run_name(ConfigInput const& input, std::string const& preset) {
    if (input.file) return std::filesystem::path(input.file->path).stem().string();
    return preset.empty() ? "custom" : preset;
}

}  // namespace

ResolvedConfig resolve(ConfigInput const& input, PresetReader const& read_preset,
                       TraceReader const& read_trace) {
    using Layer = ConfigLayering::Layer;
    std::vector<TomlEntry> entries;
    if (input.file) entries = read_toml(input.file->text, input.file->path);

    ConfigLayering layering;
    std::string const preset = preset_name(input, entries);
    if (!preset.empty()) {
        ConfigFile const source = read_preset(preset);
        layering.apply(source, read_toml(source.text, source.path), Layer::preset,
                       "preset " + preset);
    }
    ModelShape const of_preset = layering.config.shape;
    if (input.file) layering.apply(*input.file, entries, Layer::file, "file " + input.file->path);
    for (auto const& value : input.overrides) {
        // Routing comes from one place: the command line's choice replaces the file's.
        if (value.path == "routing.trace") layering.forget("routing.generator");
        if (value.path == "routing.generator") layering.forget("routing.trace");
    }
    for (auto const& value : input.overrides) layering.apply(value);
    if (auto const& trace = layering.config.routing.trace; read_trace && !trace.empty())
        for (auto const& value : read_trace(trace))
            layering.apply_if_unset(value, "trace " + trace);
    auto const& rebalance = layering.config.placement.rebalance.preset;
    for (auto const& value : rebalance_preset(rebalance))
        layering.apply_if_unset(value, "preset " + rebalance);
    layering.derive_defaults();

    ResolvedConfig resolved;
    resolved.config = layering.config;
    resolved.config.name = run_name(input, preset);
    if (!preset.empty()) resolved.config.distortion = distortion(of_preset, layering.config.shape);
    resolved.canonical = canonical_toml(layering.config);
    auto moved = layering.config;
    for (auto* path : {&moved.routing.trace, &moved.routing.fit, &moved.exchange.plugin,
                       &moved.exchange.traffic, &moved.gate.logits, &moved.placement.file})
        *path = std::filesystem::path(*path).filename();
    resolved.without_folders = canonical_toml(moved);
    // The dump means the same from any folder.
    for (auto* path : {&layering.config.routing.trace, &layering.config.routing.fit,
                       &layering.config.exchange.plugin, &layering.config.placement.file})
        if (!path->empty()) *path = std::filesystem::absolute(*path);
    if (auto& gate = layering.config.gate; gate.logits_from_file())
        gate.logits = std::filesystem::absolute(gate.logits);
    if (auto& traffic = layering.config.exchange.traffic; !is_word("exchange.traffic", traffic))
        traffic = std::filesystem::absolute(traffic);
    resolved.dump = dump_toml(layering.config, layering.origin);
    resolved.origin = std::move(layering.origin);
    apply_scale(resolved.config.shape, resolved.config.model.scale);
    validate(resolved.config, resolved.origin);
    return resolved;
}

ModelShape preset_shape(ConfigFile const& preset) {
    ConfigLayering layering;
    layering.apply(preset, read_toml(preset.text, preset.path), ConfigLayering::Layer::preset, "");
    validate(layering.config.shape);
    return layering.config.shape;
}

}  // namespace epsim
