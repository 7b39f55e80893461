#include "core/dtype.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <random>

#include "core/error.hpp"

namespace epsim {
namespace {

TEST(DType, HasNamesAndSizes) {
    EXPECT_EQ(bytes_of(DType::f32), 4);
    EXPECT_EQ(bytes_of(DType::bf16), 2);
    EXPECT_EQ(bytes_of(DType::f16), 2);
    EXPECT_EQ(bytes_of(DType::f8_e4m3), 1);
    for (auto const type : compute_dtypes) EXPECT_EQ(dtype_from(name_of(type)), type);
    for (auto const type : wire_dtypes) EXPECT_EQ(dtype_from(name_of(type), wire_dtypes), type);
    for (auto const* name : {"", "fp16", "FP32", "bf16 "})
        EXPECT_THROW(dtype_from(name), InputError);
}

TEST(DType, ARowOfFp8CarriesAScaleForEachStartedBlock) {
    EXPECT_EQ(row_bytes(DType::f8_e4m3, 1), 1 + 4);
    EXPECT_EQ(row_bytes(DType::f8_e4m3, 128), 128 + 4);
    EXPECT_EQ(row_bytes(DType::f8_e4m3, 129), 129 + 8);
    EXPECT_EQ(row_bytes(DType::f8_e4m3, 2880), 2880 + 23 * 4) << "gpt-oss: 22.5 blocks";
    EXPECT_EQ(row_bytes(DType::f16, 2880), 5760);
    EXPECT_EQ(row_bytes(DType::f32, 7), 28);
}

TEST(DType, DispatchesToTheStoringType) {
    EXPECT_EQ(dispatch_dtype(DType::f32, [](auto zero) { return sizeof zero; }), 4u);
    EXPECT_EQ(dispatch_dtype(DType::bf16, [](auto zero) { return sizeof zero; }), 2u);
}

/// Of the two bf16 neighbours of a float, the nearer one; of equally near ones, the even one.
uint16_t rounded_by_search(float value) {
    auto const down = static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
    auto const up = static_cast<uint16_t>(down + 1);
    double const to_down = std::abs(double{value} - double{to_float(bf16{down})});
    double const to_up = std::abs(double{to_float(bf16{up})} - double{value});
    if (to_down == to_up) return down % 2 == 0 ? down : up;
    return to_down < to_up ? down : up;
}

TEST(Bf16, RoundsToNearestEven) {
    std::mt19937 random(7);
    for (int i = 0; i < 200000; ++i) {
        auto const value = std::bit_cast<float>(static_cast<uint32_t>(random()));
        if (!std::isfinite(value) || std::abs(value) > 3e38f) continue;
        ASSERT_EQ(to_bf16(value).bits, rounded_by_search(value)) << value;
        if (std::abs(value) < 0x1p-126f) continue;  // the relative bound holds for normal numbers
        ASSERT_LE(std::abs(double{to_float(to_bf16(value))} - double{value}),
                  unit_roundoff(DType::bf16) * std::abs(double{value}));
    }
    EXPECT_EQ(to_bf16(1.0f + 0x1p-8f).bits, 0x3f80) << "a tie goes to the even one";
    EXPECT_EQ(to_bf16(1.0f + 0x3p-8f).bits, 0x3f82);
}

TEST(Bf16, KeepsEveryBf16AndTheSpecialValues) {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
        bf16 const value{static_cast<uint16_t>(bits)};
        if (std::isnan(to_float(value)))
            EXPECT_TRUE(std::isnan(to_float(to_bf16(to_float(value)))));
        else
            EXPECT_EQ(to_bf16(to_float(value)).bits, bits);
    }
    constexpr float infinity = std::numeric_limits<float>::infinity();
    EXPECT_EQ(to_float(to_bf16(-infinity)), -infinity);
    EXPECT_EQ(to_float(to_bf16(std::numeric_limits<float>::max())), infinity) << "rounds up to it";
    EXPECT_TRUE(std::isnan(to_float(to_bf16(std::bit_cast<float>(0x7f800001u)))))
        << "a NaN whose upper half looks like infinity";
    EXPECT_TRUE(std::signbit(to_float(to_bf16(-0.0f))));
}

}  // namespace
}  // namespace epsim
