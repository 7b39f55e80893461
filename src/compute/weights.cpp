#include "compute/weights.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "core/simd.hpp"

namespace epsim {
namespace {

/// The numbers of one matrix's random array: (layer, role, matrix) in one word and the expert in
/// the other, so that no two matrices share an array.
struct ArrayName {
    uint32_t a, b;
};

ArrayName name_array(WeightKey key, Matrix matrix) {
    check(key.layer >= 0 && key.layer < (1 << 28), "a weight's layer is out of range");
    auto const layer = static_cast<uint32_t>(key.layer);
    return {layer << 4 | static_cast<uint32_t>(key.role) << 2 | static_cast<uint32_t>(matrix),
            static_cast<uint32_t>(key.expert)};
}

/// Elements of whole counters: element i is word i % 4 of counter i / 4.
EPSIM_SIMD_CLONES void fill_counters(CounterRng rng, ArrayName name, uint64_t first, int64_t count,
                                     float limit, float* out) {
    for (int64_t j = 0; j < count; ++j) {
        auto const w = rng.words(name.a, name.b, first + static_cast<uint64_t>(j));
        for (std::size_t l = 0; l < 4; ++l)
            out[4 * j + static_cast<int64_t>(l)] = (2 * uniform01(w[l]) - 1) * limit;
    }
}

EPSIM_SIMD_CLONES void round_to_bf16(float const* in, int64_t n, bf16* out) {
    for (int64_t i = 0; i < n; ++i) out[i] = to_bf16(in[i]);
}

void store_rounded(std::span<float const> in, DType dtype, BufferView out, int64_t first) {
    auto const n = static_cast<int64_t>(in.size());
    if (out.type == DType::bf16) return round_to_bf16(in.data(), n, out.as<bf16>() + first);
    float* to = out.as<float>() + first;
    if (dtype == DType::f32)
        std::ranges::copy(in, to);
    else
        for (int64_t i = 0; i < n; ++i) to[i] = to_float(to_bf16(in[static_cast<std::size_t>(i)]));
}

}  // namespace

void fill_weights(uint64_t seed, WeightKey key, Matrix matrix, int64_t columns, int64_t first,
                  std::span<float> out) {
    check(columns >= 1 && first >= 0, "a weight matrix has no such element");
    CounterRng const rng(seed, RngStream::weights);
    auto const name = name_array(key, matrix);
    auto const limit = static_cast<float>(std::sqrt(3.0 / static_cast<double>(columns)));
    while (!out.empty()) {
        auto const counter = static_cast<uint64_t>(first / 4);
        auto const skip = static_cast<std::size_t>(first % 4);
        std::size_t n = out.size() / 4 * 4;
        if (skip == 0 && n > 0) {
            fill_counters(rng, name, counter, static_cast<int64_t>(n / 4), limit, out.data());
        } else {
            std::array<float, 4> part;
            fill_counters(rng, name, counter, 1, limit, part.data());
            n = std::min(4 - skip, out.size());
            std::copy_n(part.data() + skip, n, out.data());
        }
        first += static_cast<int64_t>(n);
        out = out.subspan(n);
    }
}

void make_weights(uint64_t seed, WeightKey key, Matrix matrix, DType dtype, BufferView out) {
    constexpr int64_t piece = 4096;  // elements: stays in the first cache, a multiple of 4
    check(out.type == dtype || out.type == DType::f32, "weights are stored in too narrow a type");
    fill_weights(seed, key, matrix, out.width, 0, {});  // throws here, if at all: not in a thread
    int64_t const total = out.rows * out.width;
#pragma omp parallel for schedule(static) if (total > piece)
    for (int64_t first = 0; first < total; first += piece) {
        std::array<float, piece> memory;
        auto const part =
            std::span(memory).first(static_cast<std::size_t>(std::min(piece, total - first)));
        fill_weights(seed, key, matrix, out.width, first, part);
        store_rounded(part, dtype, out, first);
    }
}

std::vector<std::size_t> first_equal_layer(std::vector<std::vector<WeightKey>> const& keys) {
    std::vector<std::size_t> first;
    for (auto const& layer : keys)
        first.push_back(static_cast<std::size_t>(std::ranges::find(keys, layer) - keys.begin()));
    return first;
}

}  // namespace epsim
