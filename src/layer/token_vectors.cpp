#include "layer/token_vectors.hpp"

#include <array>
#include <cmath>

#include "core/cast.hpp"
#include "core/rng.hpp"

namespace epsim {
namespace {

constexpr uint32_t channel_array = 0xffffffffu;  // no step has this number

/// Two near-normal values from the four words of a counter: each the sum of four 16-bit uniforms,
/// centred, times sqrt(3) (a uniform's variance is 1/12).
std::array<float, 2> near_normals(PhiloxCounter w) noexcept {
    auto const sum = [](uint32_t a, uint32_t b) {
        return static_cast<float>((a & 0xffffu) + (a >> 16) + (b & 0xffffu) + (b >> 16));
    };
    constexpr float scale = 1.7320508f / 65536.0f, centre = 2.0f * 1.7320508f;
    return {sum(w[0], w[1]) * scale - centre, sum(w[2], w[3]) * scale - centre};
}

}  // namespace

TokenVectors::TokenVectors(LayerSpec const& spec) : spec_(spec) {
    CounterRng const rng(spec.seed, RngStream::tokens);
    for (int c = 0; c < spec.shape.hidden; ++c) {
        auto const w = rng.words(channel_array, 0, static_cast<uint64_t>(c));
        channel_scale_.push_back(std::exp(0.5f * normal(w[0], w[1])));
    }
}

void TokenVectors::fill(StepId step, std::span<int64_t const> tokens, BufferView out) const {
    auto const hidden = channel_scale_.size();
    check(out.rows == narrow<int64_t>(tokens.size()) && out.width == narrow<int64_t>(hidden) &&
              out.type == spec_.dtype,
          "token vectors are [tokens, hidden] in the model's type");
    CounterRng const rng(spec_.seed, RngStream::tokens);
    std::vector<float> x(hidden + 1);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        double squares = 0;
        for (std::size_t c = 0; c < hidden; c += 2) {
            auto const counter = static_cast<uint64_t>(tokens[i]) << 20 | c / 2;
            auto const pair =
                near_normals(rng.words(static_cast<uint32_t>(index(step)), 1, counter));
            x[c] = pair[0] * channel_scale_[c];
            if (c + 1 < hidden) x[c + 1] = pair[1] * channel_scale_[c + 1];
        }
        for (std::size_t c = 0; c < hidden; ++c) squares += static_cast<double>(x[c]) * x[c];
        auto const norm =
            static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(hidden) + 1e-12));
        dispatch_dtype(out.type, [&]<class T>(T) {
            auto* row = out.as<T>() + static_cast<int64_t>(i) * out.width;
            for (std::size_t c = 0; c < hidden; ++c) row[c] = from_float<T>(x[c] * norm);
        });
    }
}

}  // namespace epsim
