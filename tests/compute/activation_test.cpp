#include "compute/activation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace epsim {
namespace {

constexpr double u32 = 0x1p-24;

TEST(Exponential, IsWithinTwoUlpInItsRange) {
    for (double x = -87; x <= 88; x += 0.000371) {
        auto const at = static_cast<float>(x);
        double const exact = std::exp(static_cast<double>(at));
        ASSERT_LE(std::abs(exponential(at) - exact), 4 * u32 * exact) << at;
    }
    EXPECT_EQ(exponential(0.0f), 1.0f);
    EXPECT_TRUE(std::isnormal(exponential(-INFINITY)));
    EXPECT_TRUE(std::isnormal(exponential(INFINITY)));
}

/// As published: with tanh, not in the form that the code uses.
double gelu_of(double x) {
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

double expected(Activation activation, double g, double u) {
    switch (activation) {
        case Activation::relu:
            return std::max(u, 0.0);
        case Activation::gelu:
            return gelu_of(u);
        case Activation::geglu:
            return gelu_of(g) * u;
        case Activation::swiglu:
            return g / (1 + std::exp(-g)) * u;
        case Activation::swiglu_clamped: {
            double const gate = std::min(g, 7.0);
            return gate / (1 + std::exp(-1.702 * gate)) * (std::clamp(u, -7.0, 7.0) + 1);
        }
    }
    return NAN;
}

class Activations : public testing::TestWithParam<Activation> {};

TEST_P(Activations, FollowTheirFormulas) {
    dispatch_activation(GetParam(), [](auto constant) {
        constexpr Activation a = constant();
        for (double x = -30; x <= 30; x += 0.0371)
            for (double y : {-9.5, -7.0, -1.0, -0.3, 0.0, 0.1, 1.0, 6.99, 30.0}) {
                auto const g = static_cast<float>(is_gated(a) ? x : y);
                auto const u = static_cast<float>(is_gated(a) ? y : x);
                double const exact = expected(a, g, u);
                double const scale =
                    (std::abs(static_cast<double>(g)) + 1) * (std::abs(static_cast<double>(u)) + 1);
                ASSERT_NEAR(activate<a>(static_cast<double>(g), static_cast<double>(u)), exact,
                            1e-15 * scale);
                ASSERT_NEAR(activate<a>(g, u), exact, 16 * u32 * std::abs(exact) + u32 * scale);
            }
    });
}

TEST_P(Activations, StayFiniteAtTheEnds) {
    dispatch_activation(GetParam(), [](auto constant) {
        constexpr Activation a = constant();
        float const far = 1e15f;
        for (float const g : {-far, -100.0f, 100.0f, far})
            for (float const u : {-far, 0.0f, far}) {
                EXPECT_TRUE(std::isfinite(activate<a>(g, u))) << g << " " << u;
            }
    });
}

INSTANTIATE_TEST_SUITE_P(All, Activations,
                         testing::Values(Activation::relu, Activation::gelu, Activation::geglu,
                                         Activation::swiglu, Activation::swiglu_clamped));

}  // namespace
}  // namespace epsim
