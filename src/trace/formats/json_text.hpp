#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

namespace epsim {

using Json = nlohmann::json;

// JSON from outside. All throw InputError naming `path`.

Json parse_json(std::string_view text, std::filesystem::path const& path);
/// Of a whole file.
Json read_json(std::filesystem::path const& path);
/// Of each line that is not blank; `visit` gets the line's number, from 1.
void for_each_json_line(std::filesystem::path const& path,
                        std::function<void(Json const&, int64_t line)> const& visit);

Json const& member(Json const& object, char const* key, std::filesystem::path const& path);
std::string text_of(Json const& value, std::filesystem::path const& path);
/// A whole number, be it written 7 or 7.0.
int64_t integer_of(Json const& value, std::filesystem::path const& path);
double real_of(Json const& value, std::filesystem::path const& path);
std::vector<int64_t> integers_of(Json const& value, std::filesystem::path const& path);

/// The keys of the outermost object (of a file of lines: of the first one); none if it is no JSON.
std::vector<std::string> json_keys(std::string_view text);

}  // namespace epsim
