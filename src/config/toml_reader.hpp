#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace epsim {

/// What a TOML value is, as far as the configuration tells apart.
enum class TomlType { boolean, integer, number, text, list, other };

/// A place in a text, counted from 1.
struct TextPlace {
    unsigned line = 0, column = 0;
};

/// One `key = value`. An empty table is an entry of type other.
struct TomlEntry {
    std::string path;  ///< dotted: "model.top_k"
    TextPlace key, value;
    TomlType type = TomlType::other;
    std::string text;  ///< plain: a string without quotes, a list of integers as "[1, 2]"
};

/// The entries of a TOML text, in the order of their lines.
/// \param name of the file, for messages
/// \throws InputError "name:line:column: ..." where the text is no TOML
std::vector<TomlEntry> read_toml(std::string_view text, std::string const& name);

/// A string as a TOML literal, quoted and escaped.
std::string toml_quote(std::string_view text);

}  // namespace epsim
