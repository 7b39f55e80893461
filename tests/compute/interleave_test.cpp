#include "compute/cpu/interleave.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "compute/cpu/tile.hpp"

namespace epsim::cpu {
namespace {

TEST(Interleave, PutsTheWordsOfAStepSideBySideAndNothingElse) {
    if (cpu_level() == CpuLevel::none) GTEST_SKIP() << "this CPU lacks AVX-512";
    std::mt19937 random(1);
    for (std::size_t rows = 1; rows <= static_cast<std::size_t>(tile_shape(Product::f32).most_rows);
         ++rows)
        for (std::size_t steps = 0; steps <= 40; ++steps) {
            std::vector<std::vector<uint32_t>> from(rows, std::vector<uint32_t>(steps));
            std::vector<std::byte const*> row;
            for (auto& words : from) {
                for (auto& word : words) word = random();
                row.push_back(reinterpret_cast<std::byte const*>(words.data()));
            }
            std::vector<uint32_t> to(rows * steps + 16, 7);
            interleave(row, static_cast<int64_t>(steps), reinterpret_cast<std::byte*>(to.data()));
            for (std::size_t step = 0; step < steps; ++step)
                for (std::size_t r = 0; r < rows; ++r)
                    ASSERT_EQ(to[step * rows + r], from[r][step]);
            for (std::size_t i = rows * steps; i < to.size(); ++i) ASSERT_EQ(to[i], 7);
        }
}

}  // namespace
}  // namespace epsim::cpu
