#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "probe/memory_loops.hpp"
#include "probe/vector_loops.hpp"

namespace epsim {
namespace {

constexpr std::size_t sizes[] = {0, 1, 2, 7, 64, 1009};

std::vector<CacheLine> random_lines(std::size_t n, unsigned seed) {
    std::mt19937_64 rng(seed);
    std::vector<CacheLine> lines(n);
    for (auto& line : lines)
        for (auto& word : line.word) word = rng();
    return lines;
}

std::vector<uint64_t> words_of(std::vector<CacheLine> const& lines) {
    std::vector<uint64_t> words;
    for (auto const& line : lines) words.insert(words.end(), line.word.begin(), line.word.end());
    return words;
}

TEST(MemoryLoops, SumTakesEveryWordOnce) {
    for (auto const n : sizes) {
        auto const lines = random_lines(n, 1);
        auto const words = words_of(lines);
        EXPECT_EQ(sum_of_words(lines), std::accumulate(words.begin(), words.end(), uint64_t{0}));
    }
}

TEST(MemoryLoops, FillWritesEveryWordAndNoOther) {
    for (auto const n : sizes) {
        auto lines = random_lines(n + 2, 2);
        auto expected = words_of(lines);
        std::fill_n(expected.begin() + 8, 8 * n, 0x0123456789abcdefu);
        stream_fill(std::span(lines).subspan(1, n), 0x0123456789abcdefu);
        EXPECT_EQ(words_of(lines), expected);
    }
}

TEST(MemoryLoops, CopiesTakeEveryWordAndNoOther) {
    for (auto const n : sizes) {
        auto const from = random_lines(n, 3);
        auto streamed = random_lines(n + 2, 4);
        auto plain = streamed;
        auto expected = words_of(streamed);
        std::ranges::copy(words_of(from), expected.begin() + 8);
        stream_copy(from, std::span(streamed).subspan(1, n));
        plain_copy(from.data(), plain.data() + 1, n * sizeof(CacheLine));
        EXPECT_EQ(words_of(streamed), expected);
        EXPECT_EQ(words_of(plain), expected);
    }
}

/// What each lane holds after n iterations, all of whose steps are exact in f32.
float expected_lane(RegisterLoop const& loop, float x, float m, float a, int64_t n) {
    for (int64_t i = 0; i < n; ++i)
        x = loop.flops == 2 ? m * x + a : x + static_cast<float>(loop.flops / 2) * m * a;
    return x;
}

TEST(RegisterLoop, EveryLaneDoesTheFlopsThatAreCounted) {
    for (auto const type : {DType::f32, DType::bf16})
        for (int64_t const n : {0, 1, 2, 999}) {
            auto const loop = register_loop(type);
            ASSERT_GE(loop.lanes, 1u);
            ASSERT_LE(loop.lanes, RegisterLoop::most_lanes);
            ASSERT_TRUE(loop.flops == 2 ||
                        ((loop.flops == 4 || loop.flops == 64) && type == DType::bf16));
            for (auto const& [m, a] : {std::pair{1.0f, 3.0f}, {-1.0f, 2.0f}, {1.0f, 0.0f}}) {
                std::vector<float> x(loop.lanes), expected;
                std::iota(x.begin(), x.end(), -5.0f);
                for (float const start : x) expected.push_back(expected_lane(loop, start, m, a, n));
                loop.run(x.data(), m, a, n);
                EXPECT_EQ(x, expected) << name_of(type) << ", m = " << m << ", n = " << n;
            }
            EXPECT_EQ(loop.flops_of(n), static_cast<double>(n * loop.flops) * loop.lanes);
        }
}

}  // namespace
}  // namespace epsim
