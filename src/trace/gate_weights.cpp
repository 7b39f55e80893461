#include "trace/gate_weights.hpp"

#include <algorithm>
#include <vector>

#include "core/simd.hpp"

namespace epsim {
namespace {

constexpr std::size_t tile = TokenWords::tile;

/// \param words [k / 8, 4, tile] two uniforms each, \param weight [k, tile]
EPSIM_SIMD_CLONES void weigh_tile(uint32_t const* words, std::size_t k, float* weight) {
    uint32_t tail[tile] = {};
    double sum[tile] = {};  // integers under 2^53: exact
    for (std::size_t j = 0; j < k; ++j) {
        uint32_t const* const word = words + j / 2 * tile;
        uint32_t const shift = j % 2 * 16;
        float* const out = weight + (k - 1 - j) * tile;
        for (std::size_t t = 0; t < tile; ++t) {
            tail[t] += (word[t] >> shift & 0xffff) + 1;
            out[t] = static_cast<float>(tail[t]);
            sum[t] += static_cast<double>(static_cast<int64_t>(tail[t]));
        }
    }
    float scale[tile];
    for (std::size_t t = 0; t < tile; ++t) scale[t] = static_cast<float>(1 / sum[t]);
    for (std::size_t j = 0; j < k; ++j)
        for (std::size_t t = 0; t < tile; ++t) weight[j * tile + t] *= scale[t];
}

}  // namespace

void draw_gate_weights(TokenWords const& words, TokenRange range, int top_k,
                       std::span<float> weight) {
    auto const k = static_cast<std::size_t>(top_k);
    std::vector<uint32_t> word(std::size_t{4} * tile * gate_weight_blocks(top_k));
    std::vector<float> made(k * tile);
    for (int64_t first = range.begin; first < range.end; first += TokenWords::tile) {
        words.fill(first, 0, word);
        weigh_tile(word.data(), k, made.data());
        auto const n =
            static_cast<std::size_t>(std::min<int64_t>(TokenWords::tile, range.end - first));
        float* const out = weight.data() + static_cast<std::size_t>(first - range.begin) * k;
        for (std::size_t t = 0; t < n; ++t)
            for (std::size_t j = 0; j < k; ++j) out[t * k + j] = made[j * tile + t];
    }
}

}  // namespace epsim
