#include "core/rng.hpp"

#include <gtest/gtest.h>

namespace epsim {
namespace {

/// Known answers of Random123 (Salmon et al. 2011), file kat_vectors, philox4x32 with 10 rounds.
TEST(Philox, GivesThePublishedAnswers) {
    constexpr uint32_t ones = 0xffffffffu;
    EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
              (PhiloxCounter{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}));
    EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}),
              (PhiloxCounter{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}));
    EXPECT_EQ(
        philox({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}),
        (PhiloxCounter{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}));
}

TEST(Uniform01, CoversItsIntervalExactly) {
    EXPECT_EQ(uniform01(0), 0.0f);
    EXPECT_EQ(uniform01(0xffffffffu), 1.0f - 0x1p-24f);
    EXPECT_EQ(uniform01_open(0, 0), 0x1p-53);
    EXPECT_EQ(uniform01_open(0xffffffffu, 0xffffffffu), 1.0);
}

}  // namespace
}  // namespace epsim
