#include <algorithm>
#include <cmath>

#include "trace/fit_generator.hpp"
#include "trace/fit_model.hpp"
#include "trace/statistics.hpp"

namespace epsim {
namespace {

constexpr std::size_t most_layers = 6;
constexpr int halvings = 8;
constexpr uint64_t seeds = 3;  // look-alikes that reuse is the mean of
constexpr int bias_rounds = 4;
constexpr double few = 10;

/// Adjacent-token reuse: mean over the layers looked at.
double reuse_of(RoutingSource const& source) {
    std::size_t const all = source.info().layer.size(), layers = std::min(all, most_layers);
    double sum = 0;
    for (std::size_t i = 0; i < layers; ++i)
        sum += count_layer(source, static_cast<LayerId>(i * all / layers), {}).reuse();
    return sum / static_cast<double>(layers);
}

std::unique_ptr<RoutingSource> look_alike(FitModel const& model, TraceInfo const& like,
                                          uint64_t seed) {
    int64_t const steps = std::max<int64_t>(1, like.steps());
    RoutingOptions const routing{.generator = "fit", .sources = model.source_count, .seed = seed};
    TokenOptions const tokens{.per_step = std::max<int64_t>(1, like.tokens() / steps),
                              .steps = steps};
    return make_fit_generator(model, routing, tokens, model.num_experts, model.top_k,
                              static_cast<int>(model.layer.size()));
}

/// Sets noise_stay so that look-alikes have the trace's reuse: 0 if they have as much without, or
/// if it is not known.
void calibrate_reuse(FitModel& model, RoutingSource const& source, uint64_t seed) {
    double const wanted = reuse_of(source);
    auto const reaches = [&](double stay) {
        model.noise_stay = stay;
        double sum = 0;
        for (uint64_t i = 0; i < seeds; ++i)
            sum += reuse_of(*look_alike(model, source.info(), seed + i));
        return !(sum / seeds < wanted);
    };
    double low = 0, high = reaches(0) ? 0 : 0.99;
    for (int i = 0; i < halvings && high > 0; ++i) {
        double const middle = (low + high) / 2;
        (reaches(middle) ? high : low) = middle;
    }
    model.noise_stay = high;
}

/// Brings the experts' loads of look-alikes to the trace's.
void calibrate_bias(FitModel& model, RoutingSource const& source, uint64_t seed) {
    auto const wanted = count_trace(source);
    for (int i = 0; i < bias_rounds; ++i) {
        auto const made =
            count_trace(*look_alike(model, source.info(), seed + static_cast<uint64_t>(i)));
        for (std::size_t l = 0; l < wanted.size(); ++l)
            for (std::size_t e = 0; e < model.bias[l].size(); ++e) {
                // A few assignments more keep what is rare from swinging by chance.
                auto const a = static_cast<double>(wanted[l].expert_tokens[e]) + few;
                auto const b = static_cast<double>(made[l].expert_tokens[e]) + few;
                model.bias[l][e] += std::log(a / b) / (1 + 0.5 * i);
            }
    }
}

}  // namespace

FitModel calibrated(FitModel model, RoutingSource const& source, uint64_t seed) {
    calibrate_bias(model, source, seed);
    calibrate_reuse(model, source, seed);
    return model;
}

}  // namespace epsim
