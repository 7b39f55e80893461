#include "trace/formats/json_text.hpp"

#include <fmt/format.h>

#include <cmath>

#include "trace/formats/refuse.hpp"
#include "trace/mapped_file.hpp"

namespace epsim {

Json parse_json(std::string_view text, std::filesystem::path const& path) {
    auto value = Json::parse(text, nullptr, false);
    if (value.is_discarded()) refuse_import(path, "it is no JSON, or is cut off");
    return value;
}

Json read_json(std::filesystem::path const& path) {
    MappedFile const file(path);
    return parse_json(file.text(), path);
}

void for_each_json_line(std::filesystem::path const& path,
                        std::function<void(Json const&, int64_t)> const& visit) {
    MappedFile const file(path);
    auto rest = file.text();
    for (int64_t number = 1; !rest.empty(); ++number) {
        auto const line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        auto const value = Json::parse(line, nullptr, false);
        if (!value.is_object())
            refuse_import(path, fmt::format("line {} is no JSON object", number));
        visit(value, number);
    }
}

Json const& member(Json const& object, char const* key, std::filesystem::path const& path) {
    if (!object.is_object() || !object.contains(key))
        refuse_import(path, fmt::format("it lacks {} where it should be", key));
    return object.at(key);
}

std::string text_of(Json const& value, std::filesystem::path const& path) {
    if (!value.is_string()) refuse_import(path, "a number stands where a text should be");
    return value.get<std::string>();
}

int64_t integer_of(Json const& value, std::filesystem::path const& path) {
    if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX)
        refuse_import(path, "a number is beyond 2^63");
    if (value.is_number_integer()) return value.get<int64_t>();
    double const real = real_of(value, path);
    if (real != std::floor(real) || std::abs(real) > 0x1p53)
        refuse_import(path, fmt::format("{} stands where a whole number should be", real));
    return static_cast<int64_t>(real);
}

double real_of(Json const& value, std::filesystem::path const& path) {
    if (!value.is_number()) refuse_import(path, "something else stands where a number should be");
    return value.get<double>();
}

std::vector<int64_t> integers_of(Json const& value, std::filesystem::path const& path) {
    if (!value.is_array()) refuse_import(path, "something else stands where numbers should be");
    std::vector<int64_t> numbers;
    numbers.reserve(value.size());
    for (auto const& item : value) numbers.push_back(integer_of(item, path));
    return numbers;
}

std::vector<std::string> json_keys(std::string_view text) {
    std::vector<std::string> keys;
    auto const shallow = [&](int depth, Json::parse_event_t event, Json& value) {
        if (depth == 1 && event == Json::parse_event_t::key)
            keys.push_back(value.get<std::string>());
        return depth <= 1;  // what is deeper is not kept
    };
    for (auto const piece : {text.substr(0, text.find('\n')), text}) {
        keys.clear();
        if (!Json::parse(piece, shallow, false).is_discarded() && !keys.empty()) return keys;
    }
    return {};
}

}  // namespace epsim
