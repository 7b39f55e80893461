#include "rows/permute.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "core/error.hpp"
#include "rows/random_rows.hpp"

namespace epsim {
namespace {

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

/// Distinct rows for the choices of tokens; some choose none, and some twice the same.
std::vector<int32_t> random_choices(int64_t tokens, int top_k, int64_t rows, std::mt19937& random) {
    std::vector<int32_t> row(static_cast<std::size_t>(rows));
    std::iota(row.begin(), row.end(), 0);
    std::shuffle(row.begin(), row.end(), random);
    row.resize(static_cast<std::size_t>(tokens * top_k));
    for (std::size_t a = 0; a < row.size(); ++a) {
        if (random() % 8 == 0) row[a] = -1;
        if (random() % 8 == 0 && a % static_cast<std::size_t>(top_k) > 0) row[a] = row[a - 1];
    }
    return row;
}

TEST(GatherRows, TakesTheRowsItIsToldAndZeroForNone) {
    std::mt19937 random(1);
    for (auto const& c : cases()) {
        if (c.in != c.out) continue;
        RandomRows const in(c.in, 17, c.width, random);
        RandomRows const out(c.out, c.rows, c.width, random);
        auto const index = random_indices(static_cast<std::size_t>(c.rows), 17, random);
        gather_rows(in.view, index, out.view);
        for (int64_t i = 0; i < c.rows; ++i)
            for (int64_t j = 0; j < c.width; ++j) {
                int32_t const from = index[static_cast<std::size_t>(i)];
                ASSERT_EQ(out.at(i, j), from < 0 ? 0.0f : in.at(from, j));
            }
    }
}

TEST(GatherRows, CopiesTypesOfTheWireByteByByte) {
    std::mt19937 random(6);
    for (DType const type : wire_dtypes)
        for (int64_t const width : {1, 129, 2880}) {
            RandomRows const in(type, 5, width, random), out(type, 9, width, random);
            auto const index = random_indices(9, 5, random);
            gather_rows(in.view, index, out.view);
            for (std::size_t i = 0; i < 9; ++i) {
                auto const zeros =
                    std::vector<std::byte>(static_cast<std::size_t>(in.view.row_bytes()));
                ASSERT_EQ(out.bytes(static_cast<int64_t>(i)),
                          index[i] < 0 ? zeros : in.bytes(index[i]));
            }
        }
}

TEST(GatherScaledRows, RoundsTheProductOnce) {
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    for (auto const& c : cases()) {
        if (c.in != c.out) continue;
        RandomRows const in(c.in, 17, c.width, random);
        RandomRows const out(c.out, c.rows, c.width, random);
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
        RandomRows const in(c.in, c.rows, c.width, random);
        RandomRows const out(c.out, c.rows + 5, c.width, random);
        RandomRows before(c.out, c.rows + 5, c.width, random);
        std::memcpy(before.view.data, out.view.data, static_cast<std::size_t>(out.view.bytes()));
        scatter_rows(in.view, place, out.view);
        for (int64_t j = 0; j < c.width; ++j) {
            for (int64_t i = 0; i < c.rows; ++i)
                ASSERT_EQ(out.at(place[static_cast<std::size_t>(i)], j), in.at(i, j));
            for (int32_t const i : untouched) ASSERT_EQ(out.at(i, j), before.at(i, j));
        }
    }
}

/// Every type, streamed or not, to places at any alignment.
TEST(PermuteRows, WritesEachChoiceAndLeavesOtherRowsAlone) {
    std::mt19937 random(4);
    for (DType const type : wire_dtypes)
        for (Stores const stores : {Stores::automatic, Stores::cached, Stores::streaming})
            for (int64_t const tokens : {0, 1, 13})
                for (int64_t const width : {1, 31, 32, 100, 513, 2880})
                    for (int const top_k : {1, 3, 8}) {
                        RandomRows const in(type, tokens, width, random);
                        int64_t const rows = tokens * top_k + 3;
                        RandomRows const out(type, rows, width, random);
                        auto const row = random_choices(tokens, top_k, rows, random);
                        std::vector<std::vector<std::byte>> expected;
                        for (int64_t i = 0; i < rows; ++i) expected.push_back(out.bytes(i));
                        for (std::size_t a = 0; a < row.size(); ++a)
                            if (row[a] >= 0)
                                expected[static_cast<std::size_t>(row[a])] =
                                    in.bytes(static_cast<int64_t>(a) / top_k);
                        permute_rows(in.view, row, top_k, out.view, stores);
                        for (int64_t i = 0; i < rows; ++i)
                            ASSERT_EQ(out.bytes(i), expected[static_cast<std::size_t>(i)]);
                    }
}

TEST(PermuteRowsTo, WritesWhereItIsToldAndNothingElse) {
    std::mt19937 random(5);
    std::uniform_int_distribution<int64_t> gap(1, 70);
    for (Stores const stores : {Stores::cached, Stores::streaming})
        for (int64_t const width : {1, 63, 64, 65, 500}) {
            RandomRows const in(DType::f8_e4m3, 11, width, random);
            int64_t const bytes = in.view.row_bytes();
            std::vector<std::byte> memory(static_cast<std::size_t>(44 * (bytes + 70)));
            for (auto& b : memory) b = static_cast<std::byte>(random());
            auto const row = random_choices(11, 4, 44, random);
            std::vector<std::byte*> target;
            for (int64_t at = 0, i = 0; i < 44; ++i, at += bytes + gap(random))
                target.push_back(random() % 4 == 0 ? nullptr : memory.data() + at);
            auto expected = memory;
            for (std::size_t a = 0; a < row.size(); ++a)
                if (row[a] >= 0 && target[static_cast<std::size_t>(row[a])])
                    std::ranges::copy(in.bytes(static_cast<int64_t>(a) / 4),
                                      expected.begin() + (target[static_cast<std::size_t>(row[a])] -
                                                          memory.data()));
            permute_rows_to(in.view, row, 4, target, stores);
            ASSERT_EQ(memory, expected);
        }
}

TEST(PermuteRows, RefusesSizesThatDisagree) {
    std::mt19937 random(5);
    RandomRows const in(DType::f32, 4, 3, random), out(DType::f32, 2, 3, random);
    RandomRows const narrow(DType::f32, 2, 2, random), other(DType::bf16, 2, 3, random);
    std::vector<int32_t> const two{0, 1}, three{0, 1, 2};
    std::vector<float> const one{1};
    EXPECT_THROW(gather_rows(in.view, three, out.view), Error);
    EXPECT_THROW(gather_rows(in.view, two, narrow.view), Error);
    EXPECT_THROW(gather_rows(in.view, two, other.view), Error);
    EXPECT_THROW(gather_scaled_rows(in.view, two, one, out.view), Error);
    EXPECT_THROW(scatter_rows(out.view, three, in.view), Error);
    EXPECT_THROW(permute_rows(out.view, three, 1, in.view), Error);
    EXPECT_THROW(permute_rows(out.view, two, 0, in.view), Error);
    EXPECT_THROW(permute_rows(out.view, two, 1, narrow.view), Error);
    EXPECT_THROW(permute_rows(out.view, two, 1, other.view), Error);
    EXPECT_THROW(permute_rows_to(out.view, three, 1, {}), Error);
}

}  // namespace
}  // namespace epsim
