#include "rows/gpu_work.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "rows/permute.hpp"
#include "rows/random_rows.hpp"
#include "rows/row_codec.hpp"

// The work of GPU threads, called in loops on the CPU, against what the CPU does.

namespace epsim::gpu {
namespace {

constexpr int64_t widths[] = {1, 2, 7, 8, 31, 64, 127, 128, 129, 256, 513, 1408, 2880};

template <class T>
bool words_of(BufferView view) {
    return lanes_are_words<T>(view.data, view.row_bytes(), view.width);
}

void expect_same_bytes(RandomRows const& got, RandomRows const& expected) {
    for (int64_t i = 0; i < got.view.rows; ++i)
        ASSERT_EQ(got.bytes(i), expected.bytes(i)) << "row " << i << ", width " << got.view.width;
}

/// Numbers, and what is none.
void plant_special_values(BufferView rows, std::mt19937& random) {
    constexpr float inf = std::numeric_limits<float>::infinity();
    constexpr float special[] = {inf,    -inf,   std::numeric_limits<float>::quiet_NaN(),
                                 0.0f,   -0.0f,  1e38f,
                                 -3e38f, 1e-40f, 0x1p-126f};
    dispatch_dtype(rows.type, [&]<class T>(T) {
        for (int64_t i = 0; i < rows.rows * rows.width; ++i)
            if (random() % 64 == 0)
                rows.as<T>()[i] = from_float<T>(special[random() % std::size(special)]);
    });
}

template <class Word>
void gather_and_permute(DType type, int64_t width, std::mt19937& random) {
    constexpr int tokens = 9, top_k = 3, rows = 40;
    RandomRows const in(type, tokens, width, random);
    RandomRows const got(type, rows, width, random), expected(type, rows, width, random);
    std::ranges::fill_n(got.view.data, got.view.bytes(), std::byte{0x5a});
    std::ranges::fill_n(expected.view.data, expected.view.bytes(), std::byte{0x5a});
    int64_t const bytes = in.view.row_bytes(), words = bytes / int64_t{sizeof(Word)};

    std::vector<int32_t> choice(rows);
    std::iota(choice.begin(), choice.end(), 0);
    std::ranges::shuffle(choice, random);
    choice.resize(tokens * top_k);
    choice[4] = choice[3];  // two choices of a token in one row
    choice[7] = -1;
    permute_rows(in.view, choice, top_k, expected.view);
    for (int64_t t = 0; t < tokens; ++t)
        for (int64_t i = 0; i < words; ++i)
            permute_word<Word>(in.view.data, bytes, t, choice.data() + t * top_k, top_k, i,
                               got.view.data);
    expect_same_bytes(got, expected);

    auto const index = random_indices(rows, tokens, random);
    gather_rows(in.view, index, expected.view);
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t i = 0; i < words; ++i)
            reinterpret_cast<Word*>(got.view.row(r))[i] =
                gathered_word<Word>(in.view.data, bytes, index[static_cast<std::size_t>(r)], i);
    expect_same_bytes(got, expected);
}

TEST(GpuWork, MovesRowsAsTheCpuDoes) {
    std::mt19937 random(1);
    for (DType const type : wire_dtypes)
        for (int64_t const width : widths) {
            gather_and_permute<uint8_t>(type, width, random);
            int const word = word_bytes(static_cast<uint64_t>(row_bytes(type, width)));
            if (word >= 2) gather_and_permute<uint16_t>(type, width, random);
            if (word >= 4) gather_and_permute<uint32_t>(type, width, random);
            if (word == 16) gather_and_permute<Word16>(type, width, random);
        }
}

TEST(GpuWork, WordsDivideRowsAndAddresses) {
    for (uint64_t bytes = 1; bytes < 200; ++bytes) {
        auto const word = static_cast<uint64_t>(word_bytes(bytes));
        EXPECT_EQ(bytes % word, 0u);
        EXPECT_TRUE(word == 16 || bytes % (word == 4 ? 16 : 2 * word) != 0);
    }
    EXPECT_EQ(word_bytes(row_bytes(DType::f8_e4m3, 7168)), 16);
}

TEST(GpuWork, SumsAsTheCpuDoes) {
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    for (DType const in_type : compute_dtypes)
        for (DType const out_type : compute_dtypes)
            for (int64_t const width : widths) {
                RandomRows const in(in_type, 30, width, random);
                RandomRows const got(out_type, 11, width, random);
                RandomRows const expected(out_type, 11, width, random);
                std::vector<int64_t> offset{2};
                for (int64_t g = 0; g < 11; ++g)
                    offset.push_back(offset.back() + static_cast<int64_t>(random() % 9));
                auto const n = static_cast<std::size_t>(offset.back());
                auto const member = random_indices(n, 30, random);
                std::vector<float> weight(n);
                for (auto& w : weight) w = normal(random);
                if (width % 2 == 0) weight.clear();
                weighted_sum_groups(in.view, offset, member, weight, expected.view);
                dispatch_dtype(in_type, [&]<class In>(In) {
                    dispatch_dtype(out_type, [&]<class Out>(Out) {
                        for (std::size_t g = 0; g < 11; ++g)
                            for (int64_t l = 0; l < lanes_of(width); ++l) {
                                float sum[lane];
                                sum_lane(in.view.as<In const>(), width, words_of<In>(in.view),
                                         member.data(), weight.empty() ? nullptr : weight.data(),
                                         offset[g], offset[g + 1], l * lane, sum);
                                store_lane(sum, l * lane, width, words_of<Out>(got.view),
                                           got.view.as<Out>() + static_cast<int64_t>(g) * width);
                            }
                    });
                });
                expect_same_bytes(got, expected);
            }
}

/// As encode_kernel: the threads of a block of 128 share the largest magnitude.
template <class In, class Wire>
void encode_row(In const* in, float factor, int64_t width, bool in_words, bool out_words,
                std::byte* row) {
    int64_t const lanes = lanes_of(width);
    auto const scaled = [&](int64_t l, float(&x)[lane]) {
        load_lane(in, l * lane, width, in_words, x);
        for (float& v : x) v = v * factor;
    };
    for (int64_t first = 0; first < lanes; first += scale_lanes) {
        int64_t const last = std::min(first + scale_lanes, lanes);
        float scale = 1;
        if constexpr (sizeof(Wire) == 1) {
            uint32_t largest = 0;
            for (int64_t l = first; l < last; ++l) {
                float x[lane];
                scaled(l, x);
                largest = std::max(largest, largest_finite(x));
            }
            scale = f8_scale(largest);
            std::memcpy(row + scale_at(width, first * lane), &scale, sizeof scale);
        }
        for (int64_t l = first; l < last; ++l) {
            float x[lane];
            scaled(l, x);
            encode_lane(x, scale, l * lane, width, out_words, reinterpret_cast<Wire*>(row));
        }
    }
}

template <class Wire>
void encode_and_decode(DType in_type, DType wire_type, int64_t width, std::mt19937& random) {
    constexpr int64_t rows = 5;
    RandomRows const in(in_type, rows, width, random);
    if (width % 2 == 1) plant_special_values(in.view, random);
    RandomRows const wire(wire_type, rows, width, random), expected(wire_type, rows, width, random);
    std::vector<float> scale(rows);
    std::uniform_real_distribution<float> uniform(0.01f, 3);
    for (auto& s : scale) s = uniform(random);
    std::vector<int32_t> const index{4, 0, 1, 3, 2};
    encode_scaled_rows(in.view, index, scale, expected.view);
    RandomRows const back(in_type, rows, width, random),
        expected_back(in_type, rows, width, random);
    decode_rows(expected.view, expected_back.view);
    dispatch_dtype(in_type, [&]<class In>(In) {
        for (std::size_t i = 0; i < rows; ++i)
            encode_row<In, Wire>(in.view.as<In const>() + index[i] * width, scale[i], width,
                                 words_of<In>(in.view), words_of<Wire>(wire.view),
                                 wire.view.row(static_cast<int64_t>(i)));
        for (int64_t i = 0; i < rows; ++i)
            for (int64_t l = 0; l < lanes_of(width); ++l) {
                float x[lane];
                load_lane(reinterpret_cast<Wire const*>(wire.view.row(i)), l * lane, width,
                          words_of<Wire>(wire.view), x);
                if constexpr (sizeof(Wire) == 1) apply_scale(wire.view.row(i), width, l * lane, x);
                store_lane(x, l * lane, width, words_of<In>(back.view),
                           back.view.as<In>() + i * width);
            }
    });
    expect_same_bytes(wire, expected);
    expect_same_bytes(back, expected_back);
}

TEST(GpuWork, EncodesAndDecodesAsTheCpuDoes) {
    std::mt19937 random(3);
    for (DType const type : compute_dtypes)
        for (int64_t const width : widths) {
            encode_and_decode<f8_e4m3>(type, DType::f8_e4m3, width, random);
            encode_and_decode<f16>(type, DType::f16, width, random);
            if (type == DType::f32) encode_and_decode<bf16>(type, DType::bf16, width, random);
        }
}

}  // namespace
}  // namespace epsim::gpu
