#include "rows/permute.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "core/error.hpp"

namespace epsim {
namespace {

/// Rows of random numbers, with what surrounds them left alone.
struct Rows {
    HostBuffer memory;
    BufferView view;

    Rows(DType type, int64_t rows, int64_t width, std::mt19937& random)
        : memory(type, width), view(memory.rows(rows)) {
        std::normal_distribution<float> normal;
        dispatch_dtype(type, [&]<class T>(T) {
            for (int64_t i = 0; i < rows * width; ++i)
                view.as<T>()[i] = from_float<T>(normal(random));
        });
    }
    float at(int64_t row, int64_t column) const {
        return dispatch_dtype(view.type, [&]<class T>(T) {
            return to_float(view.as<T>()[row * view.width + column]);
        });
    }
};

float rounded(DType type, float value) {
    return type == DType::f32 ? value : to_float(to_bf16(value));
}

struct Case {
    DType in, out;
    int64_t rows, width;
};

std::vector<Case> cases() {
    std::vector<Case> all;
    for (DType in : {DType::f32, DType::bf16})
        for (DType out : {DType::f32, DType::bf16})
            for (int64_t rows : {0, 1, 13, 64})
                for (int64_t width : {1, 2, 7, 31, 64, 511, 512, 513, 1408})
                    all.push_back({in, out, rows, width});
    return all;
}

std::vector<int32_t> random_indices(std::size_t n, int64_t rows, std::mt19937& random) {
    std::uniform_int_distribution<int32_t> pick(-1, static_cast<int32_t>(rows) - 1);
    std::vector<int32_t> index(n);
    for (auto& i : index) i = pick(random);
    return index;
}

TEST(GatherRows, TakesTheRowsItIsToldAndZeroForNone) {
    std::mt19937 random(1);
    for (auto const& c : cases()) {
        if (c.in != c.out) continue;
        Rows const in(c.in, 17, c.width, random);
        Rows const out(c.out, c.rows, c.width, random);
        auto const index = random_indices(static_cast<std::size_t>(c.rows), 17, random);
        gather_rows(in.view, index, out.view);
        for (int64_t i = 0; i < c.rows; ++i)
            for (int64_t j = 0; j < c.width; ++j) {
                int32_t const from = index[static_cast<std::size_t>(i)];
                ASSERT_EQ(out.at(i, j), from < 0 ? 0.0f : in.at(from, j));
            }
    }
}

TEST(GatherScaledRows, RoundsTheProductOnce) {
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    for (auto const& c : cases()) {
        if (c.in != c.out) continue;
        Rows const in(c.in, 17, c.width, random);
        Rows const out(c.out, c.rows, c.width, random);
        auto const index = random_indices(static_cast<std::size_t>(c.rows), 17, random);
        std::vector<float> scale(index.size());
        for (float& s : scale) s = normal(random);
        gather_scaled_rows(in.view, index, scale, out.view);
        for (int64_t i = 0; i < c.rows; ++i)
            for (int64_t j = 0; j < c.width; ++j) {
                auto const at = static_cast<std::size_t>(i);
                float const expected =
                    index[at] < 0 ? 0.0f : rounded(c.out, scale[at] * in.at(index[at], j));
                ASSERT_EQ(out.at(i, j), expected);
            }
    }
}

TEST(ScatterRows, UndoesAGatherAndLeavesOtherRowsAlone) {
    std::mt19937 random(3);
    for (auto const& c : cases()) {
        if (c.in != c.out) continue;
        std::vector<int32_t> place(static_cast<std::size_t>(c.rows) + 5);
        std::iota(place.begin(), place.end(), 0);
        std::shuffle(place.begin(), place.end(), random);
        std::vector<int32_t> const untouched(place.begin() + c.rows, place.end());
        place.resize(static_cast<std::size_t>(c.rows));
        Rows const in(c.in, c.rows, c.width, random);
        Rows const out(c.out, c.rows + 5, c.width, random);
        Rows before(c.out, c.rows + 5, c.width, random);
        std::memcpy(before.view.data, out.view.data, static_cast<std::size_t>(out.view.bytes()));
        scatter_rows(in.view, place, out.view);
        for (int64_t j = 0; j < c.width; ++j) {
            for (int64_t i = 0; i < c.rows; ++i)
                ASSERT_EQ(out.at(place[static_cast<std::size_t>(i)], j), in.at(i, j));
            for (int32_t const i : untouched) ASSERT_EQ(out.at(i, j), before.at(i, j));
        }
    }
}

/// To the last bit: order and rounding are a contract.
TEST(WeightedSumRows, AddsInOrderOfChoiceInFp32) {
    std::mt19937 random(4);
    std::normal_distribution<float> normal;
    for (auto const& c : cases())
        for (int top_k : {1, 2, 7, 8}) {
            Rows const in(c.in, 17, c.width, random);
            Rows const out(c.out, c.rows, c.width, random);
            auto const row = random_indices(static_cast<std::size_t>(c.rows * top_k), 17, random);
            std::vector<float> weight(row.size());
            for (float& w : weight) w = normal(random);
            for (bool const weighted : {true, false}) {
                weighted_sum_rows(in.view, row, weighted ? weight : std::vector<float>{}, top_k,
                                  out.view);
                for (int64_t t = 0; t < c.rows; ++t)
                    for (int64_t j = 0; j < c.width; ++j) {
                        float sum = 0;
                        for (int64_t k = t * top_k; k < (t + 1) * top_k; ++k) {
                            auto const at = static_cast<std::size_t>(k);
                            if (row[at] < 0) continue;
                            float const product =
                                (weighted ? weight[at] : 1.0f) * in.at(row[at], j);
                            sum = sum + product;
                        }
                        ASSERT_EQ(out.at(t, j), rounded(c.out, sum));
                    }
            }
        }
}

TEST(PermuteRows, RefusesSizesThatDisagree) {
    std::mt19937 random(5);
    Rows const in(DType::f32, 4, 3, random), out(DType::f32, 2, 3, random);
    Rows const narrow(DType::f32, 2, 2, random), other(DType::bf16, 2, 3, random);
    std::vector<int32_t> const two{0, 1}, three{0, 1, 2};
    std::vector<float> const one{1};
    EXPECT_THROW(gather_rows(in.view, three, out.view), Error);
    EXPECT_THROW(gather_rows(in.view, two, narrow.view), Error);
    EXPECT_THROW(gather_rows(in.view, two, other.view), Error);
    EXPECT_THROW(gather_scaled_rows(in.view, two, one, out.view), Error);
    EXPECT_THROW(scatter_rows(out.view, three, in.view), Error);
    EXPECT_THROW(weighted_sum_rows(in.view, three, {}, 1, out.view), Error);
    EXPECT_THROW(weighted_sum_rows(in.view, two, one, 1, out.view), Error);
    EXPECT_THROW(weighted_sum_rows(in.view, two, {}, 0, out.view), Error);
}

}  // namespace
}  // namespace epsim
