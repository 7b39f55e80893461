#include "trace/step_popularity.hpp"

#include <cmath>
#include <numeric>

#include "trace/limits.hpp"
#include "trace/option_range.hpp"

namespace epsim {
namespace {

enum Words : uint32_t { burst_words = 1, walk_words = 2 };  // of the stream; 0 is the models'

double normal_draw(PhiloxCounter const& words) noexcept {
    return normal(words[0], words[1]);
}

}  // namespace

StepPopularity::StepPopularity(PopularityModel model, RoutingOptions routing, int num_experts,
                               int top_k)
    : model_(model),
      routing_(std::move(routing)),
      num_experts_(num_experts),
      top_k_(top_k),
      base_(model(PopularityCase{routing_, num_experts, top_k, LayerId{0}})),
      rng_(routing_.seed, RngStream::popularity) {
    auto const& r = routing_;
    require_option(r.drift >= 0 && r.drift <= 10, "routing.drift", r.drift, "it is 0 to 10");
    require_option(r.burst_every >= 0 && r.burst_every <= most_steps, "routing.burst_every",
                   r.burst_every, "it is 0, for none, to 2^24 steps");
    if (r.burst_every == 0) return;
    require_option(r.burst_length >= 1 && r.burst_length <= r.burst_every, "routing.burst_length",
                   r.burst_length,
                   fmt::format("bursts follow each other by {} steps", r.burst_every));
    require_option(r.burst_experts >= 1 && r.burst_experts <= num_experts, "routing.burst_experts",
                   r.burst_experts, fmt::format("there are {} experts", num_experts));
    require_option(r.burst_factor > 0 && r.burst_factor <= 1e12, "routing.burst_factor",
                   r.burst_factor, "it is above 0, and 1e12 at most");
}

bool StepPopularity::is_fixed() const noexcept {
    return routing_.drift == 0 && routing_.burst_every == 0 && routing_.generator != "dirichlet";
}

std::vector<double> StepPopularity::log_weights(StepId step, LayerId layer) const {
    auto log_weight = routing_.generator == "dirichlet"
                          ? model_(PopularityCase{routing_, num_experts_, top_k_, layer})
                          : base_;
    if (routing_.drift > 0)
        for (uint32_t place = 0; place < log_weight.size(); ++place)
            log_weight[place] += routing_.drift * walk(step, layer, place);
    if (routing_.burst_every > 0) add_burst(log_weight, step, layer);
    return log_weight;
}

void StepPopularity::add_burst(std::vector<double>& log_weight, StepId step, LayerId layer) const {
    if (index(step) % routing_.burst_every >= routing_.burst_length) return;
    auto const burst = static_cast<uint64_t>(index(step) / routing_.burst_every);
    std::vector<uint32_t> place(log_weight.size());
    std::iota(place.begin(), place.end(), 0u);
    for (uint64_t i = 0; i < static_cast<uint64_t>(routing_.burst_experts); ++i) {
        auto const word =
            rng_.words(static_cast<uint32_t>(index(layer)), burst_words, burst << 20 | i)[0];
        std::swap(place[i], place[i + (uint64_t{word} * (place.size() - i) >> 32)]);
        log_weight[place[i]] += std::log(routing_.burst_factor);
    }
}

/// A random walk of unit steps at `step`, by halving: the value in the middle of two known ones is
/// their mean plus a normal variate of a quarter of their distance (Brownian bridge).
double StepPopularity::walk(StepId step, LayerId layer, uint32_t place) const {
    int64_t low = 0, high = most_steps;
    auto const a = static_cast<uint32_t>(index(layer));
    auto const at = [&](int64_t node) { return static_cast<uint64_t>(node) << 20 | place; };
    double at_low = 0;
    double at_high =
        std::sqrt(static_cast<double>(high)) * normal_draw(rng_.words(a, walk_words, at(high)));
    while (low < index(step)) {
        if (high - low == 1) return at_high;
        int64_t const middle = (low + high) / 2;
        double const deviation = std::sqrt(static_cast<double>(high - low)) / 2;
        double const at_middle =
            (at_low + at_high) / 2 + deviation * normal_draw(rng_.words(a, walk_words, at(middle)));
        if (index(step) < middle) {
            high = middle;
            at_high = at_middle;
        } else {
            low = middle;
            at_low = at_middle;
        }
    }
    return at_low;
}

}  // namespace epsim
