#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <type_traits>

#include "core/host_device.hpp"
#include "model/model_shape.hpp"

namespace epsim {

EPSIM_HOST_DEVICE inline double exponential(double x) noexcept {
    return std::exp(x);
}

/// e^x within 2 ulp, without branches or calls, so that loops over it vectorise; x is clamped to
/// [-87, 88], where the result is a normal number.
/// x = n ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite, "Software Manual for the Elementary
/// Functions", 1980, chapter 6: ln 2 in two parts), e^r by its Taylor series to r^7 / 7!, whose
/// remainder is under 6e-9, and 2^n added to the exponent's bits.
EPSIM_HOST_DEVICE inline float exponential(float x) noexcept {
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    constexpr float to_integer = 0x1.8p23f;  // adding it leaves round(value) in the low bits
    float const shifted = x * std::numbers::log2e_v<float> + to_integer;
    float const n = shifted - to_integer;
    float const r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.0f / 5040;
    for (float const coefficient : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
        p = p * r + coefficient;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(p) +
                                (std::bit_cast<uint32_t>(shifted) << 23));
}

template <class T>
EPSIM_HOST_DEVICE T sigmoid(T x) noexcept {
    return 1 / (1 + exponential(-x));
}

/// 0.5 x (1 + tanh(z)), z = sqrt(2 / pi) (x + 0.044715 x^3) (Hendrycks and Gimpel 2016,
/// arXiv:1606.08415, section 2), written with 0.5 (1 + tanh(z)) = sigmoid(2 z).
template <class T>
EPSIM_HOST_DEVICE T gelu_tanh(T x) noexcept {
    constexpr T c = static_cast<T>(2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
    return x * sigmoid(c * (x + static_cast<T>(0.044715) * x * x * x));
}

/// The activation of one intermediate element, as `Activation` defines it.
/// \param g, u outputs of the gate's and the up matrix; g is unused by plain activations
template <Activation A, class T>
EPSIM_HOST_DEVICE T activate(T g, T u) noexcept {
    if constexpr (A == Activation::relu) return u > 0 ? u : 0;
    if constexpr (A == Activation::gelu) return gelu_tanh(u);
    if constexpr (A == Activation::geglu) return gelu_tanh(g) * u;
    if constexpr (A == Activation::swiglu) return g * sigmoid(g) * u;
    if constexpr (A == Activation::swiglu_clamped) {
        T const limit = 7;
        T const gate = g > limit ? limit : g;
        T const low = u < -limit ? -limit : u;
        T const up = low > limit ? limit : low;
        return gate * sigmoid(static_cast<T>(1.702) * gate) * (up + 1);
    }
}

/// Call f with the activation as a constant: f(std::integral_constant<Activation, ...>).
template <class F>
void dispatch_activation(Activation activation, F&& f) {
    using enum Activation;
    switch (activation) {
        case relu:
            return f(std::integral_constant<Activation, relu>{});
        case gelu:
            return f(std::integral_constant<Activation, gelu>{});
        case geglu:
            return f(std::integral_constant<Activation, geglu>{});
        case swiglu:
            return f(std::integral_constant<Activation, swiglu>{});
        case swiglu_clamped:
            return f(std::integral_constant<Activation, swiglu_clamped>{});
    }
}

}  // namespace epsim
