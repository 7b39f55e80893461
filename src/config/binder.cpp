#include "config/binder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "config/key.hpp"
#include "config/layering.hpp"
#include "config/presets.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace epsim {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> aliases{
    {{"measure.verify", "verify"},
     {"measure.timeout_s", "timeout_s"},
     {"measure.stall_s", "stall_s"},
     {"compute.device", "device"},
     {"measure.exchange_only", "exchange_only"},
     {"measure.pairs", "pairs"},
     {"exchange.aggressor", "aggressor"}}};

/// The letters of message-size sweeps, as other benchmarks of exchanges have them.
constexpr std::array<std::pair<std::string_view, char>, 6> letters{{{"sizes.begin", 'b'},
                                                                    {"sizes.end", 'e'},
                                                                    {"sizes.factor", 'f'},
                                                                    {"measure.min_passes", 'n'},
                                                                    {"measure.warmup", 'w'},
                                                                    {"measure.verify", 'c'}}};

/// The name with every choice of '-' for its '_', itself first.
std::vector<std::string> spellings(std::string const& name) {
    std::vector<std::string> all{name};
    for (auto at = name.find('_'); at != std::string::npos; at = name.find('_', at + 1))
        for (std::size_t i = all.size(); i-- > 0;) {
            all.push_back(all[i]);
            all.back()[at] = '-';
        }
    return all;
}

/// Shows an option under one spelling and its alias.
class KeyFormatter : public CLI::Formatter {
    std::string make_option_name(CLI::Option const* option, bool positional) const override {
        auto const& names = option->get_lnames();
        if (positional || names.empty() || names.front().find('.') == std::string::npos)
            return CLI::Formatter::make_option_name(option, positional);
        bool const aliased = names.back().find('.') == std::string::npos;
        auto const& letter = option->get_snames();
        return (letter.empty() ? "" : "-" + letter.front() + ",") + "--" + names.front() +
               (aliased ? ",--" + names.back() : "");
    }
};

CLI::Option* add_key(CLI::App& command, Key const& key, std::string const& shown_default) {
    std::string names;
    for (auto const& name : spellings(key.path)) names += (names.empty() ? "--" : ",--") + name;
    for (auto const& [path, alias] : aliases)
        if (path == key.path)
            for (auto const& name : spellings(std::string(alias))) names += ",--" + name;
    for (auto const& [path, letter] : letters)
        if (path == key.path) names += fmt::format(",-{}", letter);
    CLI::Option* option = command.add_option(names);
    option->description(key.help)->type_name(key.type)->group(fmt::format("[{}]", key.section()));
    option->take_last();  // a script's flags may be followed by the user's
    // A bare boolean flag means true, so its default cannot be CLI11's "default string".
    if (key.accepts.front() == TomlType::boolean) return option->expected(0, 1);
    return option->expected(1)->default_str(shown_default);
}

}  // namespace

ConfigFile read_model_preset(std::string_view name) {
    auto const path = PresetFolder(config_dir() / "models").find(name);
    return {path.string(), read_text_file(path)};
}

ConfigBinder::ConfigBinder(CLI::App& command) : command_(command) {
    command.allow_extras();
    command.formatter(std::make_shared<KeyFormatter>());
    config_ = command.add_option("--config")->type_name("FILE")->take_last();
    config_->description("TOML configuration");
    dump_ = command.add_flag("--dump-config,--dump_config")
                ->description("print the resolved configuration with each value's origin");
    Config const defaults;
    for (Key const& key : config_keys()) {
        std::string shown = key.get(defaults);
        std::erase(shown, '"');
        options_.emplace_back(key.path, add_key(command, key, shown));
    }
}

void ConfigBinder::refuse_unknown() const {
    auto const extras = command_.remaining();
    if (extras.empty()) return;
    std::string const& first = extras.front();
    if (!first.starts_with('-'))
        throw InputError(
            fmt::format("unexpected argument '{}' (values belong to flags). See epsim {} --help",
                        first, command_.get_name()));
    std::vector<std::string> known;
    for (auto const* option : command_.get_options())
        for (auto const& name : option->get_lnames()) known.push_back("--" + name);
    auto const flag = first.substr(0, first.find('='));
    throw InputError(fmt::format("unknown flag {} (nearest: {}). See epsim {} --help", flag,
                                 nearest(flag, known), command_.get_name()));
}

ConfigInput ConfigBinder::input() const {
    refuse_unknown();
    ConfigInput input;
    for (auto const& [path, option] : options_) {
        if (option->count() == 0) continue;
        std::string const text = option->results().back();
        bool const bare = text.empty() && option->get_items_expected_min() == 0;
        input.overrides.push_back({path, bare ? "true" : text});
    }
    if (config_->count() > 0) {
        std::string const path = config_->results().back();
        input.file = ConfigFile{path, read_text_file(path)};
    }
    return input;
}

std::optional<std::string> ConfigBinder::flag(std::string_view path) const {
    auto const found = std::ranges::find(options_, path, &decltype(options_)::value_type::first);
    if (found == options_.end() || found->second->count() == 0) return std::nullopt;
    return found->second->results().back();
}

ResolvedConfig ConfigBinder::resolve(TraceReader const& read_trace) const {
    return epsim::resolve(input(), read_model_preset, read_trace);
}

}  // namespace epsim
