#include "trace/token_words.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace epsim {
namespace {

TEST(TokenWords, ManyTokensTogetherHaveTheWordsOfEach) {
    std::mt19937_64 random(3);
    for (int round = 0; round < 50; ++round) {
        CounterRng const rng(random(), RngStream::routing);
        TokenWords const words(rng, StepId{static_cast<int32_t>(random() % 1000000)},
                               LayerId{static_cast<int32_t>(random() % 100)});
        auto const first = static_cast<int64_t>(random() % (int64_t{1} << 28));
        auto const block = static_cast<uint32_t>(random() % 1000);
        std::size_t const blocks = 1 + random() % 3, tile = TokenWords::tile;
        std::vector<uint32_t> filled(blocks * 4 * tile);
        words.fill(first, block, filled);
        for (std::size_t b = 0; b < blocks; ++b)
            for (std::size_t t = 0; t < tile; ++t) {
                auto const own =
                    words(first + static_cast<int64_t>(t), block + static_cast<uint32_t>(b));
                for (std::size_t w = 0; w < 4; ++w)
                    ASSERT_EQ(filled[(b * 4 + w) * tile + t], own[w]) << b << " " << t << " " << w;
            }
    }
}

}  // namespace
}  // namespace epsim
