#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "config/key.hpp"
#include "core/dtype.hpp"
#include "model/names.hpp"

// Each maker binds one field of Config, named by a function `field` that takes a Config (const or
// not) and returns a reference: CONFIG_FIELD(shape.top_k).
#define CONFIG_FIELD(member) [](auto& config) -> auto& { return config.member; }

namespace epsim {

/// The integer of "512", "8K"; empty if it is none or outside [low, high].
std::optional<int64_t> integer_in(std::string const& text, int64_t low, int64_t high);
/// The number of "0.5", "1/8"; empty if it is none or outside [low, high].
std::optional<double> number_in(std::string const& text, double low, double high);
/// A double as a TOML float that reads back as the same number.
std::string toml_number(double value);

/// A key that binds nothing yet.
Key unbound_key(std::string path, std::string help, std::string type, std::string allowed,
                std::vector<TomlType> accepts);

inline constexpr double above_zero = 1e-300;
inline constexpr double any_size = 1e300;

template <class Field>
Key integer_key(std::string path, std::string help, int64_t low, int64_t high, Field field) {
    Key key = unbound_key(
        std::move(path), std::move(help), "INT",
        fmt::format("an integer from {} to {}; K, M and G are powers of 1024", low, high),
        {TomlType::integer, TomlType::text});
    key.set = [=](Config& config, std::string const& text) {
        auto const value = integer_in(text, low, high);
        if (value) field(config) = static_cast<std::decay_t<decltype(field(config))>>(*value);
        return value.has_value();
    };
    key.get = [=](Config const& config) { return fmt::format("{}", field(config)); };
    return key;
}

template <class Field>
Key number_key(std::string path, std::string help, double low, std::string allowed, Field field) {
    Key key = unbound_key(std::move(path), std::move(help), "NUMBER", std::move(allowed),
                          {TomlType::integer, TomlType::number, TomlType::text});
    key.set = [=](Config& config, std::string const& text) {
        auto const value = number_in(text, low, any_size);
        if (value) field(config) = *value;
        return value.has_value();
    };
    key.get = [=](Config const& config) { return toml_number(field(config)); };
    return key;
}

/// A positive number or "none".
template <class Field>
Key optional_number_key(std::string path, std::string help, Field field) {
    Key key =
        unbound_key(std::move(path), std::move(help), "NUMBER|none", "a positive number or none",
                    {TomlType::integer, TomlType::number, TomlType::text});
    key.set = [=](Config& config, std::string const& text) {
        auto const value = number_in(text, above_zero, any_size);
        field(config) = value;
        return value.has_value() || text == "none";
    };
    key.get = [=](Config const& config) {
        return field(config) ? toml_number(*field(config)) : toml_quote("none");
    };
    return key;
}

template <class Field>
Key flag_key(std::string path, std::string help, Field field) {
    Key key =
        unbound_key(std::move(path), std::move(help), "BOOL", "true or false", {TomlType::boolean});
    key.set = [=](Config& config, std::string const& text) {
        field(config) = text == "true";
        return text == "true" || text == "false";
    };
    key.get = [=](Config const& config) { return field(config) ? "true" : "false"; };
    return key;
}

template <class Field>
Key text_key(std::string path, std::string help, std::string type, Field field) {
    Key key =
        unbound_key(std::move(path), std::move(help), std::move(type), "a text", {TomlType::text});
    key.set = [=](Config& config, std::string const& text) {
        field(config) = text;
        return true;
    };
    key.get = [=](Config const& config) { return toml_quote(field(config)); };
    return key;
}

/// A text whose absence is written "none".
template <class Field>
Key optional_text_key(std::string path, std::string help, std::string type, Field field) {
    Key key = text_key(std::move(path), std::move(help), std::move(type), field);
    key.set = [=](Config& config, std::string const& text) {
        field(config) = text == "none" ? "" : text;
        return true;
    };
    key.get = [=](Config const& config) {
        return toml_quote(field(config).empty() ? "none" : field(config));
    };
    return key;
}

/// One of some names. \param convert text of a choice to the field's value, \param name the reverse
template <class Field, class Convert, class Name>
Key choice_key(std::string path, std::string help, std::vector<std::string> choices, Field field,
               Convert convert, Name name) {
    Key key =
        unbound_key(std::move(path), std::move(help), fmt::format("{}", fmt::join(choices, "|")),
                    fmt::format("{}", fmt::join(choices, ", ")), {TomlType::text});
    key.choices = std::move(choices);
    key.set = [=, known = key.choices](Config& config, std::string const& text) {
        if (std::find(known.begin(), known.end(), text) == known.end()) return false;
        field(config) = convert(text);
        return true;
    };
    key.get = [=](Config const& config) { return toml_quote(name(field(config))); };
    return key;
}

/// Of a std::string field.
template <class Field>
Key choice_key(std::string path, std::string help, std::vector<std::string> choices, Field field) {
    constexpr auto same = [](std::string const& text) { return text; };
    return choice_key(std::move(path), std::move(help), std::move(choices), field, same, same);
}

/// Of an enum of model/names.hpp.
template <NamedEnum E, class Field>
Key enum_key(std::string path, std::string help, Field field) {
    return choice_key(
        std::move(path), std::move(help), {enum_names<E>.begin(), enum_names<E>.end()}, field,
        [](std::string const& text) { return enum_from<E>(text); }, [](E v) { return name_of(v); });
}

template <class Field>
Key dtype_key(std::string path, std::string help, std::span<DType const> choices, Field field) {
    std::vector<std::string> names;
    for (DType const type : choices) names.emplace_back(name_of(type));
    return choice_key(
        std::move(path), std::move(help), std::move(names), field,
        [choices](std::string const& text) { return dtype_from(text, choices); },
        [](DType v) { return name_of(v); });
}

}  // namespace epsim
