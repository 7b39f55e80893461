#include "config/layering.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/error.hpp"
#include "core/text.hpp"

namespace epsim {
namespace {

/// \param where what the message starts with, \param shown how the value was written
/// \param fits its type is one that the key takes
void set(Config& config, Key const& key, std::string const& text, std::string const& where,
         std::string const& shown, bool fits) {
    if (fits && key.set(config, text)) return;
    if (fits && !key.choices.empty())
        throw InputError(fmt::format("{}{} = {} is unknown (known: {}; nearest: {}). Choose one",
                                     where, key.path, shown, key.allowed,
                                     nearest(text, key.choices)));
    throw InputError(fmt::format("{}{} = {} is not allowed (it must be {}). Correct it", where,
                                 key.path, shown, key.allowed));
}

std::string shown(TomlEntry const& entry) {
    if (entry.type == TomlType::other) return "a table, date or mixed list";
    return entry.type == TomlType::text ? toml_quote(entry.text) : entry.text;
}

/// An input path as seen from the working directory.
std::string located(Key const& key, std::string const& text, std::filesystem::path const& base) {
    if (key.kind != ValueKind::input_path || text.empty() || text == "none") return text;
    if (std::ranges::find(key.words, text) != key.words.end()) return text;
    return (base / text).lexically_normal().string();
}

}  // namespace

std::string unknown_key_message(std::string_view path) {
    auto const leaf = path.substr(path.rfind('.') + 1);
    std::vector<std::string> paths, same_leaf;
    for (Key const& key : config_keys()) {
        paths.push_back(key.path);
        if (key.leaf() == leaf) same_leaf.push_back(key.path);
    }
    return fmt::format("unknown key '{}' (nearest: {}). Correct it", path,
                       nearest(path, same_leaf.empty() ? paths : same_leaf));
}

void ConfigLayering::apply(ConfigFile const& source, std::vector<TomlEntry> const& entries,
                           Layer layer, std::string const& origin_text) {
    auto const folder = std::filesystem::path(source.path).parent_path();
    std::set<std::string> stated;
    for (TomlEntry const& entry : entries) {
        auto const at = [&](TextPlace p) {
            return fmt::format("{}:{}:{}: ", source.path, p.line, p.column);
        };
        auto path = entry.path;
        std::ranges::replace(path, '-', '_');
        Key const* key = find_key(config_keys(), path);
        if (key != nullptr && !stated.insert(path).second)
            throw InputError(
                fmt::format("{}{} is stated twice ('-' and '_' are equal in names). Leave one out",
                            at(entry.key), path));
        if (key == nullptr) throw InputError(at(entry.key) + unknown_key_message(entry.path));
        if (layer == Layer::preset && key->scope != KeyScope::shape)
            throw InputError(fmt::format(
                "{}{} may not stand in a preset (it says nothing of the model's shape). Move it to "
                "a configuration file",
                at(entry.key), key->path));
        auto const text =
            entry.type == TomlType::text ? located(*key, entry.text, folder) : entry.text;
        bool const fits = std::ranges::find(key->accepts, entry.type) != key->accepts.end();
        set(config, *key, text, at(entry.value), shown(entry), fits);
        origin[key->path] = layer == Layer::preset
                                ? origin_text
                                : fmt::format("{}:{}", origin_text, entry.key.line);
    }
}

void ConfigLayering::apply(Override const& value) {
    Key const* key = find_key(config_keys(), value.path);
    if (key == nullptr) throw InputError(unknown_key_message(value.path));
    set(config, *key, located(*key, value.text, {}), "--", value.text, true);
    origin[key->path] = "command line";
}

void ConfigLayering::forget(std::string const& path) {
    if (origin.erase(path) == 0) return;
    Key const& key = *find_key(config_keys(), path);
    auto text = key.get(Config{});
    std::erase(text, '"');
    key.set(config, text);
}

void ConfigLayering::apply_if_unset(Override const& value, std::string const& origin_text) {
    if (origin.contains(value.path)) return;
    apply(value);
    origin[value.path] = origin_text;
}

void ConfigLayering::derive_defaults() {
    if (!origin.contains("exchange.wire_dtype")) {
        config.exchange.wire_dtype = config.model.dtype;
        origin["exchange.wire_dtype"] = "default, model.dtype";
    }
    if (!origin.contains("exchange.combine_dtype")) {
        config.exchange.combine_dtype = config.model.dtype;
        origin["exchange.combine_dtype"] = "default, model.dtype";
    }
    for (Key const& key : config_keys()) origin.try_emplace(key.path, "default");
}

std::string dump_toml(Config const& config, std::map<std::string, std::string> const& origin) {
    std::string text, section;
    for (Key const& key : config_keys()) {
        if (key.section() != section) {
            text += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", key.section());
            section = key.section();
        }
        text += fmt::format("{} = {}  # {}\n", key.leaf(), key.get(config), origin.at(key.path));
    }
    return text;
}

std::string canonical_toml(Config const& config) {
    std::map<std::string, std::map<std::string, std::string>> sections;
    for (Key const& key : config_keys())
        if (key.scope != KeyScope::circumstance)
            sections[key.section()][key.leaf()] = key.get(config);
    std::string text;
    for (auto const& [section, values] : sections) {
        text += fmt::format("[{}]\n", section);
        for (auto const& [leaf, literal] : values) text += fmt::format("{} = {}\n", leaf, literal);
    }
    return text;
}

}  // namespace epsim
