#include "compute/weights.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

#include "compute/thread_scope.hpp"
#include "core/error.hpp"
#include "core/rng.hpp"

namespace epsim {
namespace {

using Role = WeightKey::Role;

std::vector<float> elements(uint64_t seed, WeightKey key, Matrix matrix, int64_t columns,
                            int64_t first, std::size_t n) {
    std::vector<float> out(n);
    fill_weights(seed, key, matrix, columns, first, out);
    return out;
}

/// Element i is word i % 4 of counter i / 4, mapped to [-limit, limit).
TEST(FillWeights, IsTheDocumentedFunctionOfTheCounterRng) {
    WeightKey const key{Role::shared, 5, 3};
    auto const got = elements(7, key, Matrix::up, 12, 0, 1000);
    CounterRng const rng(7, RngStream::weights);
    auto const limit = static_cast<float>(std::sqrt(3.0 / 12));
    for (std::size_t i = 0; i < got.size(); ++i) {
        auto const word = rng.words(5u << 4 | 1u << 2 | 1u, 3, i / 4)[i % 4];
        ASSERT_EQ(got[i], (2 * uniform01(word) - 1) * limit);
    }
}

TEST(FillWeights, GivesTheSameElementsInAnyPieces) {
    std::mt19937 random(1);
    for (int64_t const start : {int64_t{0}, int64_t{1}, int64_t{1} << 34}) {
        WeightKey const key{Role::routed, 2, 9};
        auto const whole = elements(3, key, Matrix::down, 64, start, 5000);
        for (int i = 0; i < 300; ++i) {
            std::size_t const first = random() % 5000, n = random() % (5001 - first);
            auto const part =
                elements(3, key, Matrix::down, 64, start + static_cast<int64_t>(first), n);
            ASSERT_TRUE(std::equal(part.begin(), part.end(),
                                   whole.begin() + static_cast<std::ptrdiff_t>(first)));
        }
    }
}

/// Six standard errors each: a right generator fails once in 10^8 seeds, and the seed is fixed.
TEST(FillWeights, HasTheMomentsOfItsUniformDistribution) {
    constexpr std::size_t n = 1 << 20;
    for (int64_t const columns : {1, 48, 2048}) {
        auto const w = elements(11, {Role::routed, 0, 0}, Matrix::gate, columns, 0, n);
        double const variance = 1.0 / static_cast<double>(columns), limit = std::sqrt(3 * variance);
        double sum = 0, squares = 0, neighbours = 0;
        for (std::size_t i = 0; i < n; ++i) {
            ASSERT_GE(w[i], static_cast<float>(-limit));
            ASSERT_LT(w[i], static_cast<float>(limit));
            sum += w[i];
            squares += static_cast<double>(w[i]) * w[i];
            neighbours += i ? static_cast<double>(w[i]) * w[i - 1] : 0;
        }
        double const root_n = std::sqrt(static_cast<double>(n));
        EXPECT_LT(std::abs(sum / n), 6 * std::sqrt(variance) / root_n);
        EXPECT_LT(std::abs(squares / n - variance), 6 * std::sqrt(0.8) * variance / root_n);
        EXPECT_LT(std::abs(neighbours / n), 6 * variance / root_n);
    }
}

TEST(FillWeights, GivesEveryMatrixItsOwnElements) {
    std::set<std::vector<float>> seen;
    std::size_t made = 0;
    for (uint64_t const seed : {0ull, 1ull, 1ull << 32})
        for (Role const role :
             {Role::routed, Role::shared, Role::dense_residual, Role::shared_gate})
            for (int32_t const layer : {0, 1, 2, 4, 8, 16, 64, (1 << 28) - 1})
                for (int32_t const expert : {0, 1, 2, 4, 8, 16, 2047})
                    for (Matrix const matrix : {Matrix::gate, Matrix::up, Matrix::down}) {
                        seen.insert(elements(seed, {role, layer, expert}, matrix, 3, 0, 8));
                        ++made;
                    }
    EXPECT_EQ(seen.size(), made);
}

TEST(FillWeights, RefusesWhatHasNoName) {
    std::vector<float> out(4);
    EXPECT_THROW(fill_weights(1, {Role::routed, 1 << 28, 0}, Matrix::up, 4, 0, out), Error);
    EXPECT_THROW(fill_weights(1, {Role::routed, -1, 0}, Matrix::up, 4, 0, out), Error);
    EXPECT_THROW(fill_weights(1, {Role::routed, 0, 0}, Matrix::up, 0, 0, out), Error);
    EXPECT_THROW(fill_weights(1, {Role::routed, 0, 0}, Matrix::up, 4, -1, out), Error);
}

TEST(MakeWeights, RoundsEveryElementOnceOnAnyNumberOfThreads) {
    WeightKey const key{Role::routed, 1, 2};
    for (auto const& [rows, columns] : {std::pair{1, 1}, {3, 5}, {129, 257}}) {
        auto const exact =
            elements(5, key, Matrix::up, columns, 0, static_cast<std::size_t>(rows * columns));
        for (int const threads : {1, 3})
            for (auto const& [dtype, stored] : {std::pair{DType::f32, DType::f32},
                                                {DType::bf16, DType::bf16},
                                                {DType::bf16, DType::f32}}) {
                ThreadScope const scope(threads);
                HostBuffer memory(stored, columns);
                BufferView const out = memory.rows(rows);
                make_weights(5, key, Matrix::up, dtype, out);
                for (std::size_t i = 0; i < exact.size(); ++i) {
                    float const expected =
                        dtype == DType::f32 ? exact[i] : to_float(to_bf16(exact[i]));
                    ASSERT_EQ(
                        stored == DType::f32 ? out.as<float>()[i] : to_float(out.as<bf16>()[i]),
                        expected);
                }
            }
    }
}

TEST(FirstEqualLayer, SharesWhatIsEqual) {
    std::vector<WeightKey> const a{{Role::routed, 0, 0}, {Role::routed, 0, 1}};
    std::vector<WeightKey> const b{{Role::routed, 0, 0}, {Role::routed, 0, 2}};
    EXPECT_EQ(first_equal_layer({a, b, a, b, a}), (std::vector<std::size_t>{0, 1, 0, 1, 0}));
    EXPECT_TRUE(first_equal_layer({}).empty());
}

}  // namespace
}  // namespace epsim
