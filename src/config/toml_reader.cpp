// The one file that includes toml++: it takes long to compile.
#include "config/toml_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <tuple>

#include "core/error.hpp"

namespace epsim {
namespace {

TextPlace place(toml::source_position at) {
    return {at.line, at.column};
}

TomlType type_of(toml::node const& node) {
    switch (node.type()) {
        case toml::node_type::boolean:
            return TomlType::boolean;
        case toml::node_type::integer:
            return TomlType::integer;
        case toml::node_type::floating_point:
            return TomlType::number;
        case toml::node_type::string:
            return TomlType::text;
        case toml::node_type::array:
            break;
        default:
            return TomlType::other;
    }
    auto const& elements = *node.as_array();
    bool const integers =
        std::all_of(elements.begin(), elements.end(), [](auto& e) { return e.is_integer(); });
    return integers ? TomlType::list : TomlType::other;
}

std::string text_of(toml::node const& node, TomlType type) {
    switch (type) {
        case TomlType::boolean:
            return node.as_boolean()->get() ? "true" : "false";
        case TomlType::integer:
            return std::to_string(node.as_integer()->get());
        case TomlType::number:
            return fmt::format("{}", node.as_floating_point()->get());
        case TomlType::text:
            return node.as_string()->get();
        case TomlType::other:
            return {};
        case TomlType::list:
            break;
    }
    std::vector<int64_t> numbers;
    for (auto const& element : *node.as_array()) numbers.push_back(element.as_integer()->get());
    return fmt::format("[{}]", fmt::join(numbers, ", "));
}

void flatten(toml::table const& table, std::string const& prefix, std::vector<TomlEntry>& entries) {
    for (auto&& [key, node] : table) {
        std::string path = prefix + std::string(key.str());
        if (auto const* inner = node.as_table(); inner && !inner->empty()) {
            flatten(*inner, path + ".", entries);
            continue;
        }
        TomlType const type = type_of(node);
        entries.push_back({std::move(path), place(key.source().begin), place(node.source().begin),
                           type, text_of(node, type)});
    }
}

}  // namespace

std::vector<TomlEntry> read_toml(std::string_view text, std::string const& name) {
    std::vector<TomlEntry> entries;
    try {
        flatten(toml::parse(text, name), "", entries);
    } catch (toml::parse_error const& e) {
        auto const at = e.source().begin;
        throw InputError(fmt::format("{}:{}:{}: this is no TOML ({}). Correct the line", name,
                                     at.line, at.column, e.description()));
    }
    std::ranges::sort(entries, {},
                      [](TomlEntry const& e) { return std::tuple(e.key.line, e.key.column); });
    return entries;
}

std::string toml_quote(std::string_view text) {
    std::string quoted = "\"";
    for (char const c : text) {
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            quoted += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
        } else {
            quoted += c;
        }
    }
    return quoted + '"';
}

}  // namespace epsim
