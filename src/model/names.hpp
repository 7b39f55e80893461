#pragma once

#include <array>
#include <string_view>

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
E enum_from(std::string_view name);

/// How published weights are stored: names of ModelShape::weight_format.
inline constexpr std::array<std::string_view, 4> weight_formats{"fp32", "bf16", "fp8_block",
                                                                "mxfp4"};

}  // namespace epsim
