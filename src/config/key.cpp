#include "config/key.hpp"

#include <algorithm>
#include <cmath>

#include "config/key_makers.hpp"
#include "config/key_table.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace epsim {

Key const* find_key(std::span<Key const> keys, std::string_view path) {
    auto const found = std::ranges::find(keys, path, &Key::path);
    return found == keys.end() ? nullptr : &*found;
}

std::vector<Key> const& config_keys() {
    static std::vector<Key> const keys = [] {
        std::vector<Key> all = model_keys();
        for (auto more : {shape_keys(), routing_keys(), gate_keys(), placement_keys(), run_keys()})
            all.insert(all.end(), more.begin(), more.end());
        return all;
    }();
    return keys;
}

Key unbound_key(std::string path, std::string help, std::string type, std::string allowed,
                std::vector<TomlType> accepts) {
    Key key;
    key.path = std::move(path);
    key.help = std::move(help);
    key.type = std::move(type);
    key.allowed = std::move(allowed);
    key.accepts = std::move(accepts);
    return key;
}

std::optional<int64_t> integer_in(std::string const& text, int64_t low, int64_t high) {
    try {
        int64_t const value = parse_size(text);
        if (value >= low && value <= high) return value;
    } catch (InputError const&) {
        // The caller says what is allowed.
    }
    return std::nullopt;
}

std::optional<double> number_in(std::string const& text, double low, double high) {
    try {
        double const value = parse_ratio(text);
        if (value >= low && value <= high) return value;
    } catch (InputError const&) {
        // The caller says what is allowed.
    }
    return std::nullopt;
}

std::string toml_number(double value) {
    std::string text = fmt::format("{}", value);
    // TOML wants a point or an exponent in a float; fmt leaves "2" for 2.0 where it can.
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
}

}  // namespace epsim
