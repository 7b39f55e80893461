#include "rows/wire_formats.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace epsim {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// The magnitudes of a format, code by code, by its definition in fp64.
std::vector<double> magnitudes(int codes, int stored_bits, int bias) {
    std::vector<double> all;
    for (int code = 0; code < codes; ++code) {
        int const exponent = code >> stored_bits, fraction = code & ((1 << stored_bits) - 1);
        bool const normal = exponent > 0;
        all.push_back(std::ldexp(fraction + (normal ? 1 << stored_bits : 0),
                                 (normal ? exponent : 1) - bias - stored_bits));
    }
    return all;
}
std::vector<double> const f16_magnitudes = magnitudes(0x7c00, 10, 15);
std::vector<double> const f8_magnitudes = magnitudes(0x7f, 3, 7);

/// By search: the code of the nearest magnitude, the even one of two as near.
int nearest(std::vector<double> const& of, double magnitude) {
    auto const above = std::ranges::lower_bound(of, magnitude);
    if (above == of.begin()) return 0;
    if (above == of.end()) return static_cast<int>(of.size()) - 1;
    int const up = static_cast<int>(above - of.begin()), down = up - 1;
    double const to_up = *above - magnitude, to_down = magnitude - of[static_cast<size_t>(down)];
    if (to_up == to_down) return up % 2 == 0 ? up : down;
    return to_up < to_down ? up : down;
}

int expected_f8(float x) {
    return (std::signbit(x) ? 0x80 : 0) | nearest(f8_magnitudes, std::abs(double{x}));
}

int expected_f16(float x) {
    int const sign = std::signbit(x) ? 0x8000 : 0;
    // IEEE 754-2019, 4.3.1: from half an ulp above the largest on, the result is infinite.
    if (std::abs(x) >= 65520.0f) return sign | 0x7c00;
    return sign | nearest(f16_magnitudes, std::abs(double{x}));
}

/// Floats of every exponent, and all numbers and ties of a format with their neighbours.
std::vector<float> numbers(std::vector<double> const& format) {
    std::mt19937 random(1);
    std::vector<float> all{0.0f, std::numeric_limits<float>::denorm_min(),
                           std::numeric_limits<float>::min(), std::numeric_limits<float>::max()};
    for (int i = 0; i < 1'000'000; ++i)
        if (float const x = std::bit_cast<float>(static_cast<uint32_t>(random())); std::isfinite(x))
            all.push_back(x);
    auto const add = [&](double x) {
        auto const f = static_cast<float>(x);
        for (float const near : {f, std::nextafter(f, 0.0f), std::nextafter(f, infinity)})
            all.push_back(near);
    };
    for (std::size_t i = 0; i < format.size(); ++i) {
        add(format[i]);
        add((format[i] + (i + 1 < format.size() ? format[i + 1] : 1.1 * format[i])) / 2);
    }
    add(464);    // between 448 and what would be next
    add(65520);  // the same for f16
    std::size_t const n = all.size();
    for (std::size_t i = 0; i < n; ++i) all.push_back(-all[i]);
    return all;
}

TEST(WireFormats, F8RoundsToTheNearestCode) {
    for (float const x : numbers(f8_magnitudes)) ASSERT_EQ(to_f8_e4m3(x).bits, expected_f8(x)) << x;
}

TEST(WireFormats, F16RoundsToTheNearestCode) {
    for (float const x : numbers(f16_magnitudes)) ASSERT_EQ(to_f16(x).bits, expected_f16(x)) << x;
}

TEST(WireFormats, AllCodesOfF8MeanWhatTheyShould) {
    for (int code = 0; code < 256; ++code) {
        float const x = to_float(f8_e4m3{static_cast<uint8_t>(code)});
        EXPECT_EQ(std::signbit(x), code >= 128);
        if ((code & 0x7f) == 0x7f)
            EXPECT_TRUE(std::isnan(x));
        else
            EXPECT_EQ(std::abs(x), f8_magnitudes[static_cast<std::size_t>(code & 0x7f)]);
    }
    // OCP OFP8 specification 1.0, table 1.
    EXPECT_EQ(to_float(f8_e4m3{0x7e}), 448.0f);
    EXPECT_EQ(to_float(f8_e4m3{0x08}), 0x1p-6f);
    EXPECT_EQ(to_float(f8_e4m3{0x07}), 0.875f * 0x1p-6f);
    EXPECT_EQ(to_float(f8_e4m3{0x01}), 0x1p-9f);
}

TEST(WireFormats, AllCodesOfF16MeanWhatTheyShould) {
    for (int code = 0; code < 65536; ++code) {
        float const x = to_float(f16{static_cast<uint16_t>(code)});
        int const magnitude = code & 0x7fff;
        ASSERT_EQ(std::signbit(x), code >= 32768);
        if (magnitude > 0x7c00)
            ASSERT_TRUE(std::isnan(x));
        else if (magnitude == 0x7c00)
            ASSERT_TRUE(std::isinf(x));
        else
            ASSERT_EQ(std::abs(x), f16_magnitudes[static_cast<std::size_t>(magnitude)]);
    }
}

TEST(WireFormats, NoNumbersStayNone) {
    EXPECT_EQ(to_f16(infinity).bits, 0x7c00);
    EXPECT_EQ(to_f16(-infinity).bits, 0xfc00);
    EXPECT_EQ(to_f8_e4m3(infinity).bits, 0x7f);
    EXPECT_EQ(to_f8_e4m3(-infinity).bits, 0xff);
    for (float const x : {nan, -nan, std::bit_cast<float>(0x7f800001u)}) {
        EXPECT_TRUE(std::isnan(to_float(to_f16(x))));
        EXPECT_TRUE(std::isnan(to_float(to_f8_e4m3(x))));
    }
}

}  // namespace
}  // namespace epsim
