#include "trace/token_words.hpp"

#include "core/simd.hpp"
#include "trace/wide_words.hpp"

namespace epsim {
namespace {

constexpr int tile = TokenWords::tile;

EPSIM_SIMD_CLONES void fill_block(CounterRng rng, uint32_t a, uint32_t b, uint64_t first,
                                  uint32_t* words) noexcept {
    for (int t = 0; t < tile; ++t) {
        auto const w =
            rng.words(a, b, first + (static_cast<uint64_t>(t) << TokenWords::block_bits));
        words[t] = w[0];
        words[tile + t] = w[1];
        words[2 * tile + t] = w[2];
        words[3 * tile + t] = w[3];
    }
}

}  // namespace

void TokenWords::fill(int64_t first, uint32_t block, std::span<uint32_t> words) const noexcept {
    uint64_t at = (static_cast<uint64_t>(first) << block_bits) + block;
    for (std::size_t i = 0; i < words.size(); i += 4 * tile, ++at)
        if (!fill_wide(rng_.key(), layer_, step_, at, words.data() + i))
            fill_block(rng_, layer_, step_, at, words.data() + i);
}

}  // namespace epsim
