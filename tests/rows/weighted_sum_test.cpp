#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/error.hpp"
#include "rows/permute.hpp"
#include "rows/random_rows.hpp"

namespace epsim {
namespace {

/// By definition, to the last bit: order and rounding are a contract.
float sum(RandomRows const& in, std::span<int32_t const> row, std::span<float const> weight,
          int64_t column) {
    float sum = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (row[i] < 0) continue;
        float const product = (weight.empty() ? 1.0f : weight[i]) * in.at(row[i], column);
        sum = sum + product;
    }
    return sum;
}

std::vector<float> random_weights(std::size_t n, std::mt19937& random) {
    std::normal_distribution<float> normal;
    std::vector<float> weight(n);
    for (float& w : weight) w = normal(random);
    return weight;
}

struct Case {
    DType in, out;
    int64_t rows, width;
    Stores stores;
};

std::vector<Case> cases() {
    std::vector<Case> all;
    for (DType const in : compute_dtypes)
        for (DType const out : compute_dtypes)
            for (Stores const stores : {Stores::cached, Stores::streaming})
                for (int64_t const rows : {0, 1, 13})
                    for (int64_t const width : {1, 2, 31, 33, 64, 511, 512, 2880})
                        all.push_back({in, out, rows, width, stores});
    return all;
}

/// A view of out's rows that begins at an odd place, which streamed lines must not overrun.
BufferView moved(BufferView out, int64_t rows) {
    return {out.data + bytes_of(out.type), out.type, rows, out.width};
}

TEST(WeightedSumRows, AddsInOrderOfChoiceInFp32) {
    std::mt19937 random(1);
    for (auto const& c : cases())
        for (int const top_k : {1, 2, 7, 8}) {
            RandomRows const in(c.in, 17, c.width, random);
            RandomRows const memory(c.out, c.rows + 1, c.width, random);
            BufferView const out = moved(memory.view, c.rows);
            float const before = memory.at(0, 0), after = memory.at(c.rows, c.width - 1);
            auto const row = random_indices(static_cast<std::size_t>(c.rows * top_k), 17, random);
            auto const weights = random_weights(row.size(), random);
            for (auto const& weight : {weights, std::vector<float>{}}) {
                weighted_sum_rows(in.view, row, weight, top_k, out, c.stores);
                for (int64_t t = 0; t < c.rows; ++t) {
                    auto const of_token = [&](auto const& span) {
                        return std::span(span).subspan(
                            span.empty() ? 0 : static_cast<std::size_t>(t * top_k),
                            span.empty() ? 0 : static_cast<std::size_t>(top_k));
                    };
                    for (int64_t j = 0; j < c.width; ++j)
                        ASSERT_EQ(memory.at(0, t * c.width + j + 1),
                                  rounded(c.out, sum(in, of_token(row), of_token(weight), j)));
                }
            }
            ASSERT_EQ(memory.at(0, 0), before);
            ASSERT_TRUE(c.width == 1 || memory.at(c.rows, c.width - 1) == after);
        }
}

TEST(WeightedSumGroups, AddsTheMembersOfEachGroupInOrder) {
    std::mt19937 random(2);
    std::uniform_int_distribution<int64_t> size(0, 5);
    for (auto const& c : cases()) {
        RandomRows const in(c.in, 17, c.width, random), out(c.out, c.rows, c.width, random);
        std::vector<int64_t> offset{2};
        for (int64_t g = 0; g < c.rows; ++g) offset.push_back(offset.back() + size(random));
        auto const member = random_indices(static_cast<std::size_t>(offset.back()) + 1, 17, random);
        auto const weights = random_weights(member.size(), random);
        for (auto const& weight : {weights, std::vector<float>{}}) {
            weighted_sum_groups(in.view, offset, member, weight, out.view, c.stores);
            for (std::size_t g = 0; g + 1 < offset.size(); ++g) {
                auto const first = static_cast<std::size_t>(offset[g]);
                auto const n = static_cast<std::size_t>(offset[g + 1]) - first;
                for (int64_t j = 0; j < c.width; ++j)
                    ASSERT_EQ(
                        out.at(static_cast<int64_t>(g), j),
                        rounded(c.out, sum(in, std::span(member).subspan(first, n),
                                           weight.empty() ? std::span<float const>()
                                                          : std::span(weight).subspan(first, n),
                                           j)));
            }
        }
    }
}

TEST(WeightedSumGroupsOf, TakesRowsFromWhereTheyLie) {
    std::mt19937 random(6);
    std::uniform_int_distribution<int64_t> gap(0, 5);
    for (auto const& c : cases()) {
        RandomRows const in(c.in, 17, c.width, random), together(c.out, c.rows, c.width, random);
        RandomRows const apart(c.out, c.rows, c.width, random);
        std::vector<std::vector<std::byte>> memory;
        std::vector<std::byte const*> place;
        for (int64_t i = 0; i < 17; ++i) {
            auto& bytes = memory.emplace_back(in.bytes(i));
            auto const before = static_cast<std::size_t>(gap(random) * bytes_of(c.in));
            bytes.insert(bytes.begin(), before, std::byte{7});
            place.push_back(bytes.data() + before);
        }
        std::vector<int64_t> offset{0};
        for (int64_t g = 0; g < c.rows; ++g) offset.push_back(offset.back() + gap(random));
        auto const member = random_indices(static_cast<std::size_t>(offset.back()), 17, random);
        auto const weight = random_weights(member.size(), random);
        weighted_sum_groups(in.view, offset, member, weight, together.view, c.stores);
        weighted_sum_groups_of(place, c.in, offset, member, weight, apart.view, c.stores);
        for (int64_t g = 0; g < c.rows; ++g) ASSERT_EQ(apart.bytes(g), together.bytes(g));
    }
}

TEST(WeightedSums, RefuseSizesAndTypesThatDisagree) {
    std::mt19937 random(3);
    RandomRows const in(DType::f32, 4, 3, random), out(DType::f32, 2, 3, random);
    RandomRows const narrow(DType::f32, 2, 2, random), wire(DType::f16, 2, 3, random);
    std::vector<int32_t> const two{0, 1}, three{0, 1, 2};
    std::vector<int64_t> const offset{0, 1, 2}, beyond{0, 1, 3}, few{0, 2};
    std::vector<float> const one{1};
    EXPECT_THROW(weighted_sum_rows(in.view, three, {}, 1, out.view), Error);
    EXPECT_THROW(weighted_sum_rows(in.view, two, one, 1, out.view), Error);
    EXPECT_THROW(weighted_sum_rows(in.view, two, {}, 0, out.view), Error);
    EXPECT_THROW(weighted_sum_rows(in.view, two, {}, 1, narrow.view), Error);
    EXPECT_THROW(weighted_sum_rows(in.view, two, {}, 1, wire.view), Error);
    EXPECT_THROW(weighted_sum_groups(in.view, beyond, two, {}, out.view), Error);
    EXPECT_THROW(weighted_sum_groups(in.view, few, two, {}, out.view), Error);
    EXPECT_THROW(weighted_sum_groups(in.view, offset, two, one, out.view), Error);
    EXPECT_THROW(weighted_sum_groups(in.view, offset, two, {}, narrow.view), Error);
}

}  // namespace
}  // namespace epsim
