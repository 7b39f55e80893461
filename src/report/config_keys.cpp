#include "report/config_keys.hpp"

#include <toml++/toml.h>

#include <sstream>

namespace epsim {
namespace {

void flatten(toml::table const& table, std::string const& prefix,
             std::map<std::string, std::string>& keys) {
    for (auto const& [name, node] : table) {
        auto const key = prefix + std::string(name.str());
        if (auto const* inner = node.as_table()) {
            flatten(*inner, key + ".", keys);
        } else if (auto const* text = node.as_string()) {
            keys[key] = text->get();
        } else {
            std::ostringstream out;
            node.visit([&](auto const& value) { out << value; });
            keys[key] = out.str();
        }
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
