#include "layer/logit_maker.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "core/simd.hpp"
#include "gate/random_gates.hpp"

namespace epsim {
namespace {

constexpr std::size_t lanes = 16, tile = 4;

std::size_t round_up(std::size_t n, std::size_t to) {
    return (n + to - 1) / to * to;
}

/// out[i][j] = sum over c of x[i][c] w[j][c], in an order that depends on the width only.
EPSIM_SIMD_CLONES void multiply_tile(float const* x, float const* w, std::size_t width,
                                     float (*out)[tile]) {
    float sum[tile][tile][lanes] = {};
    for (std::size_t c = 0; c < width; c += lanes)
        for (std::size_t i = 0; i < tile; ++i)
            for (std::size_t j = 0; j < tile; ++j)
                for (std::size_t l = 0; l < lanes; ++l)
                    sum[i][j][l] += x[i * width + c + l] * w[j * width + c + l];
    for (std::size_t i = 0; i < tile; ++i)
        for (std::size_t j = 0; j < tile; ++j) {
            out[i][j] = 0;
            for (std::size_t l = 0; l < lanes; ++l) out[i][j] += sum[i][j][l];
        }
}

}  // namespace

LogitMaker::LogitMaker(uint64_t seed, std::span<LayerId const> layers, int experts, int hidden,
                       bool noisy)
    : experts_(static_cast<std::size_t>(experts)),
      hidden_(static_cast<std::size_t>(hidden)),
      width_(round_up(hidden_, lanes)),
      noisy_(noisy),
      x_(tile * width_) {
    CounterRng const rng(seed, RngStream::router);
    auto const limit = std::sqrt(3.0f / static_cast<float>(hidden));
    auto const matrix = round_up(experts_, tile) * width_;
    std::size_t const matrices = noisy ? 2 : 1;
    weights_.assign(layers.size() * matrices * matrix, 0.0f);
    for (std::size_t m = 0; m < layers.size() * matrices; ++m) {
        auto const layer = static_cast<uint32_t>(index(layers[m / matrices]));
        for (std::size_t e = 0; e < experts_; ++e)
            for (std::size_t c = 0; c < hidden_; ++c) {
                auto const words = rng.words(layer << 1 | static_cast<uint32_t>(m % matrices),
                                             static_cast<uint32_t>(e), c / 4);
                weights_[m * matrix + e * width_ + c] = (2 * uniform01(words[c % 4]) - 1) * limit;
            }
    }
}

double LogitMaker::weight_bytes(int layers, int experts, int hidden, bool noisy) {
    return (noisy ? 2.0 : 1.0) * layers * experts * static_cast<double>(hidden) * sizeof(float);
}

std::span<float const> LogitMaker::weights(int layer, Matrix matrix) const {
    auto const size = round_up(experts_, tile) * width_;
    auto const at =
        static_cast<std::size_t>(layer) * (noisy_ ? 2 : 1) + (matrix == Matrix::noise ? 1 : 0);
    return std::span(weights_).subspan(at * size, size);
}

void LogitMaker::run(BufferView x, std::span<int64_t const> tokens, int layer, Matrix matrix,
                     double jitter, GateDraws const& draws, std::span<float> out) {
    auto const rows = tokens.size();
    check(static_cast<std::size_t>(x.rows) == rows && out.size() == rows * experts_ &&
              static_cast<std::size_t>(x.width) == hidden_,
          "logits are [tokens, experts] of [tokens, hidden]");
    auto const w = weights(layer, matrix);
    for (std::size_t t = 0; t < rows; t += tile) {
        std::size_t const some = std::min(tile, rows - t);
        for (std::size_t i = 0; i < some; ++i) {
            auto const row = std::span(x_).subspan(i * width_, hidden_);
            dispatch_dtype(x.type, [&]<class T>(T) {
                auto const* from = x.as<T>() + static_cast<int64_t>(t + i) * x.width;
                for (std::size_t c = 0; c < hidden_; ++c) row[c] = to_float(from[c]);
            });
            if (jitter > 0) jitter_input(row, jitter, draws, tokens[t + i]);
        }
        for (std::size_t e = 0; e < experts_; e += tile) {
            float product[tile][tile];
            multiply_tile(x_.data(), w.data() + e * width_, width_, product);
            for (std::size_t i = 0; i < some; ++i)
                for (std::size_t j = 0; j < std::min(tile, experts_ - e); ++j)
                    out[(t + i) * experts_ + e + j] = product[i][j];
        }
    }
}

}  // namespace epsim
