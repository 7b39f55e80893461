#include "rows/row_codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/error.hpp"
#include "rows/random_rows.hpp"
#include "rows/wire_formats.hpp"

namespace epsim {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr int64_t widths[] = {1, 127, 128, 129, 300, 2880};

BufferView row_of(BufferView view, int64_t row) {
    return {view.row(row), view.type, 1, view.width};
}

/// The scale of a block of an encoded row.
float scale_at(BufferView encoded, int64_t row, int64_t block) {
    float scale;
    std::memcpy(&scale, encoded.row(row) + encoded.width + block * 4, sizeof scale);
    return scale;
}

/// One row as it was written down: elements by rows/wire_formats, scales by their definition.
std::vector<std::byte> expected_row(std::vector<float> const& x, DType wire) {
    auto const width = static_cast<int64_t>(x.size());
    std::vector<std::byte> row(static_cast<std::size_t>(row_bytes(wire, width)));
    for (int64_t j = 0; j < width; ++j) {
        auto const at = static_cast<std::size_t>(j);
        auto const store = [&](auto element) {
            std::memcpy(&row[at * sizeof element], &element, sizeof element);
        };
        if (wire == DType::f32) store(x[at]);
        if (wire == DType::bf16) store(to_bf16(x[at]));
        if (wire == DType::f16) store(to_f16(x[at]));
        if (wire != DType::f8_e4m3) continue;
        int64_t const block = j / 128;
        float largest = 0;
        for (int64_t i = block * 128; i < std::min(width, block * 128 + 128); ++i)
            if (float const y = std::abs(x[static_cast<std::size_t>(i)]); std::isfinite(y))
                largest = std::max(largest, y);
        float const scale = std::max(largest / 448.0f, 0x1p-126f);
        store(to_f8_e4m3(x[at] / scale));
        std::memcpy(&row[static_cast<std::size_t>(width + block * 4)], &scale, sizeof scale);
    }
    return row;
}

/// Numbers of very different size, zeros, and now and then none.
void make_wild(RandomRows& rows, std::mt19937& random) {
    std::uniform_int_distribution<int> exponent(-150, 127), kind(0, 40);
    dispatch_dtype(rows.view.type, [&]<class T>(T) {
        for (int64_t i = 0; i < rows.view.rows * rows.view.width; ++i) {
            auto& x = rows.view.as<T>()[i];
            int const k = kind(random);
            if (k < 20) x = from_float<T>(std::ldexp(to_float(x), exponent(random)));
            if (k == 20) x = from_float<T>(infinity);
            if (k == 21) x = from_float<T>(-std::numeric_limits<float>::quiet_NaN());
            if (k >= 38) x = T{};
        }
    });
}

TEST(EncodeRows, WritesElementsThenScales) {
    std::mt19937 random(1);
    for (DType const type : compute_dtypes)
        for (DType const wire : wire_dtypes)
            for (int64_t const width : widths) {
                RandomRows in(type, 5, width, random);
                if (width > 127) make_wild(in, random);
                RandomRows const out(wire, 5, width, random);
                encode_rows(in.view, out.view);
                for (int64_t i = 0; i < 5; ++i) {
                    std::vector<float> x;
                    for (int64_t j = 0; j < width; ++j) x.push_back(in.at(i, j));
                    ASSERT_EQ(out.bytes(i), expected_row(x, wire)) << name_of(wire) << width;
                }
            }
}

TEST(EncodeRows, WidthOf2880Has23Scales) {
    EXPECT_EQ(row_bytes(DType::f8_e4m3, 2880), 2880 + 23 * 4);
}

TEST(EncodeScaledRows, EncodesTheProductAndZerosForNone) {
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    for (DType const type : compute_dtypes)
        for (DType const wire : wire_dtypes)
            for (int64_t const width : widths)
                for (bool const scaled : {true, false}) {
                    RandomRows const in(type, 7, width, random), out(wire, 9, width, random);
                    auto const index = random_indices(9, 7, random);
                    std::vector<float> scale(scaled ? 9 : 0);
                    for (float& s : scale) s = normal(random);
                    encode_scaled_rows(in.view, index, scale, out.view);
                    for (std::size_t i = 0; i < 9; ++i) {
                        std::vector<float> x;
                        for (int64_t j = 0; index[i] >= 0 && j < width; ++j)
                            x.push_back((scaled ? scale[i] : 1.0f) * in.at(index[i], j));
                        auto const expected =
                            index[i] >= 0 ? expected_row(x, wire)
                                          : std::vector<std::byte>(
                                                static_cast<std::size_t>(out.view.row_bytes()));
                        ASSERT_EQ(out.bytes(static_cast<int64_t>(i)), expected);
                    }
                }
}

/// In fp64, from the bytes of the row.
TEST(DecodeRows, GivesElementTimesScaleRounded) {
    std::mt19937 random(3);
    std::uniform_real_distribution<float> uniform(0.001f, 2);
    for (DType const wire : wire_dtypes)
        for (DType const type : compute_dtypes)
            for (int64_t const width : widths) {
                RandomRows const in(wire, 6, width, random), out(type, 6, width, random);
                bool const scaled = wire == DType::f8_e4m3;
                for (int64_t i = 0; i < 6 && scaled; ++i)
                    for (int64_t b = 0; b < (width + 127) / 128; ++b) {
                        float const scale = uniform(random);
                        std::memcpy(in.view.row(i) + width + 4 * b, &scale, sizeof scale);
                    }
                decode_rows(in.view, out.view);
                for (int64_t i = 0; i < 6; ++i)
                    for (int64_t j = 0; j < width; ++j) {
                        std::byte const* element = in.view.row(i) + j * bytes_of(wire);
                        uint32_t bits = 0;
                        std::memcpy(&bits, element, static_cast<std::size_t>(bytes_of(wire)));
                        float x = std::bit_cast<float>(bits);
                        if (wire == DType::bf16) x = std::bit_cast<float>(bits << 16);
                        if (wire == DType::f16) x = to_float(f16{static_cast<uint16_t>(bits)});
                        if (scaled)
                            x = static_cast<float>(
                                double{to_float(f8_e4m3{static_cast<uint8_t>(bits)})} *
                                scale_at(in.view, i, j / 128));
                        float const expected = rounded(type, x);
                        if (std::isnan(expected))
                            ASSERT_TRUE(std::isnan(out.at(i, j)));
                        else
                            ASSERT_EQ(out.at(i, j), expected);
                    }
            }
}

/// Numbers from 2^-140 up to the largest; and the bound is no idle one.
TEST(EncodingError, BoundsTheWayThereAndBack) {
    std::mt19937 random(4);
    for (DType const wire : wire_dtypes) {
        double used = 0;
        int const top = wire == DType::f16 ? 12 : 124;
        for (int exponent = -140; exponent <= top; exponent += 3) {
            RandomRows const in(DType::f32, 1, 640, random), encoded(wire, 1, 640, random);
            RandomRows const out(DType::f32, 1, 640, random);
            for (int64_t j = 0; j < 640; ++j)
                in.view.as<float>()[j] =
                    std::ldexp(in.at(0, j), exponent - static_cast<int>(j % 9));
            encode_rows(in.view, encoded.view);
            decode_rows(encoded.view, out.view);
            for (int64_t j = 0; j < 640; ++j) {
                double largest = 0;
                for (int64_t i = j / 128 * 128; i < j / 128 * 128 + 128; ++i)
                    largest = std::max(largest, std::abs(double{in.at(0, i)}));
                double const x = in.at(0, j), bound = encoding_error(wire, std::abs(x), largest);
                double const error = std::abs(double{out.at(0, j)} - x);
                ASSERT_LE(error, bound) << name_of(wire) << " " << x << " " << largest;
                if (bound > 0) used = std::max(used, error / bound);
            }
        }
        EXPECT_TRUE(wire == DType::f32 || used > 0.9) << name_of(wire) << used;
    }
}

TEST(EncodeRows, ZerosInfinitiesAndTheLargestNumber) {
    HostBuffer in_memory(DType::f32, 130), wire_memory(DType::f8_e4m3, 130);
    HostBuffer out_memory(DType::f32, 130);
    BufferView const in = in_memory.rows(3), wire = wire_memory.rows(3), out = out_memory.rows(3);
    std::fill_n(in.as<float>(), 3 * 130, 0.0f);
    float* const second = in.as<float>() + 130;
    second[3] = infinity;
    second[5] = 7;
    float* const third = second + 130;
    third[0] = std::numeric_limits<float>::max();
    third[1] = -third[0];
    encode_rows(in, wire);
    decode_rows(wire, out);
    for (int j = 0; j < 130; ++j) EXPECT_EQ(out.as<float>()[j], 0);
    for (int j = 0; j < 130; ++j) {
        float const x = out.as<float>()[130 + j];
        if (j == 3)
            EXPECT_TRUE(std::isnan(x));
        else
            EXPECT_EQ(x, j == 5 ? 7 : 0);
    }
    EXPECT_NEAR(out.as<float>()[260] / third[0], 1, 0x1p-22);
    EXPECT_NEAR(out.as<float>()[261] / third[0], -1, 0x1p-22);
}

TEST(RowCodec, RefusesSizesAndTypesThatDisagree) {
    std::mt19937 random(5);
    RandomRows const in(DType::f32, 4, 3, random), out(DType::f16, 2, 3, random);
    RandomRows const narrow(DType::f16, 4, 2, random), wire(DType::f8_e4m3, 4, 3, random);
    std::vector<int32_t> const two{0, 1};
    EXPECT_THROW(encode_rows(in.view, out.view), Error);
    EXPECT_THROW(encode_rows(in.view, narrow.view), Error);
    EXPECT_THROW(encode_rows(wire.view, in.view), Error);
    EXPECT_THROW(decode_rows(in.view, wire.view), Error);
    EXPECT_THROW(decode_rows(out.view, in.view), Error);
    EXPECT_THROW(encode_scaled_rows(in.view, two, std::vector{1.0f}, out.view), Error);
    EXPECT_THROW(encode_scaled_rows(in.view, two, {}, wire.view), Error);
    EXPECT_NO_THROW(encode_rows(row_of(in.view, 2), row_of(wire.view, 1)));
}

}  // namespace
}  // namespace epsim
