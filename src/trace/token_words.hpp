#pragma once

#include <cstdint>
#include <span>

#include "core/ids.hpp"
#include "core/rng.hpp"
#include "trace/limits.hpp"

namespace epsim {

/// The random words of a step and layer's tokens: each token has 2^20 blocks of four of its own.
class TokenWords {
public:
    static constexpr int block_bits = 20;
    static constexpr uint32_t affinity_block = (1u << block_bits) - 1;  ///< the last one
    static constexpr int tile = 32;  ///< tokens whose words are made together
    static_assert(most_step_tokens <= int64_t{1} << (63 - block_bits), "blocks are one token's");

    TokenWords(CounterRng rng, StepId step, LayerId layer) noexcept
        : rng_(rng),
          layer_(static_cast<uint32_t>(index(layer))),
          step_(static_cast<uint32_t>(index(step))) {}

    PhiloxCounter operator()(int64_t token, uint32_t block) const noexcept {
        return rng_.words(layer_, step_, (static_cast<uint64_t>(token) << block_bits) + block);
    }

    /// Of `tile` tokens from `first` on, the blocks from `block` on.
    /// \param words [blocks, 4, tile]
    void fill(int64_t first, uint32_t block, std::span<uint32_t> words) const noexcept;

private:
    CounterRng rng_;
    uint32_t layer_, step_;
};

}  // namespace epsim
