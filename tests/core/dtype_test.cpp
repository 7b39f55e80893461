#include "core/dtype.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace epsim {
namespace {

/// The nearest multiple of the quantum (8 significant bits, exponents from -126), ties to even, in
/// exact double arithmetic.
double nearest_bf16(double value) {
    if (value == 0) return value;
    double const quantum = std::ldexp(1.0, std::max(std::ilogb(value), -126) - 7);
    double const nearest = std::nearbyint(value / quantum) * quantum;
    return std::abs(nearest) >= 0x1p128 ? std::copysign(INFINITY, value) : nearest;
}

TEST(Bf16, RoundsEveryUpperHalfWithEveryKindOfLowerHalf) {
    for (uint32_t upper = 0; upper < 0x10000u; ++upper)
        for (uint32_t lower : {0u, 1u, 0x1234u, 0x7fffu, 0x8000u, 0x8001u, 0xcafeu, 0xffffu}) {
            auto const value = std::bit_cast<float>(upper << 16 | lower);
            float const got = to_float(to_bf16(value));
            if (std::isnan(value)) {
                ASSERT_TRUE(std::isnan(got));
                continue;
            }
            auto const expected = std::isinf(value) ? static_cast<double>(value)
                                                    : nearest_bf16(static_cast<double>(value));
            ASSERT_EQ(static_cast<double>(got), expected) << value;
            ASSERT_EQ(std::signbit(got), std::signbit(value));
        }
}

TEST(Bf16, ErrsByAtMostItsUnitRoundoff) {
    for (uint32_t bits = 0x3f800000u; bits < 0x40000000u; bits += 97) {
        auto const value = std::bit_cast<float>(bits);
        double const error = std::abs(static_cast<double>(to_float(to_bf16(value))) - value);
        ASSERT_LE(error, unit_roundoff(DType::bf16) * static_cast<double>(value));
    }
}

}  // namespace
}  // namespace epsim
