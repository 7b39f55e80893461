#include "trace/score_noise.hpp"

#include <cmath>

#include "trace/limits.hpp"
#include "trace/option_range.hpp"

namespace epsim {
namespace {

constexpr int place_bits = 16, span_bits = 29;
constexpr uint32_t start_layer = UINT32_MAX;  // no span of layers: words for where spans begin
static_assert(most_experts <= 1 << place_bits && most_step_tokens < int64_t{1} << span_bits);
static_assert(most_sources <= 1 << (64 - place_bits - span_bits));

uint64_t at(ScoreNoise::Where const& where, int64_t span) noexcept {
    return static_cast<uint64_t>(where.source) << (place_bits + span_bits) |
           static_cast<uint64_t>(span) << place_bits | where.place;
}

int64_t span_of(int64_t position, double start, double length) noexcept {
    return static_cast<int64_t>(std::floor(static_cast<double>(position) / length + start));
}

}  // namespace

ScoreNoise::ScoreNoise(RoutingOptions const& r)
    : rng_(r.seed, RngStream::noise),
      tokens_(1 / (1 - r.reuse)),
      layers_(1 / (1 - r.layer_correlation)) {
    constexpr double most = 0.9999;
    require_option(r.reuse >= 0 && r.reuse <= most, "routing.reuse", r.reuse, "it is 0 to 0.9999");
    require_option(r.layer_correlation >= 0 && r.layer_correlation <= most,
                   "routing.layer_correlation", r.layer_correlation, "it is 0 to 0.9999");
}

double ScoreNoise::start(Where const& where) const noexcept {
    auto const step = static_cast<uint32_t>(index(where.step));
    return rng_.words(start_layer, step, at(where, 0))[0] * 0x1p-32;
}

int64_t ScoreNoise::token_span(double start, int64_t token_of_source) const noexcept {
    return tokens_ > 1 ? span_of(token_of_source, start, tokens_) : token_of_source;
}

double ScoreNoise::noise(Where const& where, int64_t token_span, LayerId layer) const noexcept {
    auto const step = static_cast<uint32_t>(index(where.step));
    auto const place = at(where, token_span);
    int64_t layers = index(layer);
    if (layers_ > 1)
        layers = span_of(layers, rng_.words(start_layer - 1, step, place)[0] * 0x1p-32, layers_);
    auto const words = rng_.words(static_cast<uint32_t>(layers), step, place);
    return -std::log(-std::log(uniform01_open(words[0], words[1])));
}

}  // namespace epsim
