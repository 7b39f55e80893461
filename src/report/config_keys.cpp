#include "report/config_keys.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <sstream>
#include <vector>

namespace epsim {
namespace {

/// Not by the library's operator for arrays, which converts logarithms of elements to unsigned
/// numbers: undefined for 0.05, infinity and NaN.
std::string text_of(toml::node const& node) {
    std::vector<std::string> parts;
    if (auto const* text = node.as_string()) return text->get();
    if (auto const* array = node.as_array()) {
        for (auto const& element : *array) parts.push_back(text_of(element));
        return fmt::format("[{}]", fmt::join(parts, ", "));
    }
    if (auto const* table = node.as_table()) {
        for (auto const& [name, inner] : *table)
            parts.push_back(fmt::format("{} = {}", name.str(), text_of(inner)));
        return fmt::format("{{{}}}", fmt::join(parts, ", "));
    }
    std::ostringstream out;
    node.visit([&](auto const& value) { out << value; });
    return out.str();
}

void flatten(toml::table const& table, std::string const& prefix,
             std::map<std::string, std::string>& keys) {
    for (auto const& [name, node] : table) {
        auto const key = prefix + std::string(name.str());
        if (auto const* inner = node.as_table())
            flatten(*inner, key + ".", keys);
        else
            keys[key] = text_of(node);
    }
}

}  // namespace

std::map<std::string, std::string> config_keys(std::string const& toml) {
    std::map<std::string, std::string> keys;
    try {
        flatten(toml::parse(toml), "", keys);
    } catch (toml::parse_error const&) {
        keys.clear();
    }
    return keys;
}

}  // namespace epsim
