#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "core/error.hpp"
#include "model/model_shape.hpp"

namespace epsim {

/// Names of an enum's values in the order of their numbers, as configs/models spells them.
template <class E>
inline constexpr std::array<std::string_view, 0> enum_names{};
template <>
inline constexpr std::array<std::string_view, 5> enum_names<Activation>{"relu", "gelu", "geglu",
                                                                        "swiglu", "swiglu_clamped"};
template <>
inline constexpr std::array<std::string_view, 4> enum_names<Scoring>{
    "softmax", "sigmoid", "topk_then_softmax", "sparsemixer"};
template <>
inline constexpr std::array<std::string_view, 3> enum_names<GroupScore>{"none", "max", "top2_sum"};
template <>
inline constexpr std::array<std::string_view, 3> enum_names<Renormalise>{"none", "sum", "l1"};
template <>
inline constexpr std::array<std::string_view, 2> enum_names<WeightAt>{"source", "input"};

template <class E>
concept NamedEnum = !enum_names<E>.empty();

template <NamedEnum E>
constexpr std::string_view name_of(E value) {
    return enum_names<E>.at(static_cast<std::size_t>(value));
}

/// \throws InputError naming the choices
template <NamedEnum E>
E enum_from(std::string_view name) {
    auto const& names = enum_names<E>;
    auto const found = std::ranges::find(names, name);
    if (found == names.end())
        throw InputError(
            fmt::format("'{}' is unknown (known: {}). Choose one", name, fmt::join(names, ", ")));
    return static_cast<E>(found - names.begin());
}

/// How published weights are stored: names of ModelShape::weight_format.
inline constexpr std::array<std::string_view, 4> weight_formats{"fp32", "bf16", "fp8_block",
                                                                "mxfp4"};

}  // namespace epsim
