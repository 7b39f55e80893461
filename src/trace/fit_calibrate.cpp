#include <algorithm>
#include <cmath>

#include "trace/drift.hpp"
#include "trace/fit_generator.hpp"
#include "trace/fit_model.hpp"
#include "trace/statistics.hpp"

namespace epsim {
namespace {

constexpr std::size_t most_layers_looked_at = 6;
constexpr int halvings = 8;
constexpr uint64_t seeds = 3;  // look-alikes that a mark is the mean of
constexpr int bias_rounds = 4;
constexpr double few = 10;

struct Marks {
    double reuse = 0, half_change = 0;  // means over the layers looked at
};

Marks marks_of(RoutingSource const& source) {
    auto const& info = source.info();
    std::size_t const layers = std::min(info.layer.size(), most_layers_looked_at);
    Marks mean;
    for (std::size_t i = 0; i < layers; ++i) {
        auto const layer = static_cast<LayerId>(i * info.layer.size() / layers);
        Drift drift(info.num_experts, info.steps());
        auto const counts =
            count_layer(source, layer,
                        [&](StepId, std::span<int64_t const> tokens) { drift.add_step(tokens); });
        mean.reuse += counts.reuse() / static_cast<double>(layers);
        mean.half_change += drift.between_halves() / static_cast<double>(layers);
    }
    return mean;
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

/// The value of a parameter in [0, most] that makes a look-alike's mark equal the trace's: 0 if
/// that already has more, or the trace has none.
void calibrate(FitModel& model, double FitModel::*parameter, double most, Marks const& wanted,
               double Marks::*mark, TraceInfo const& like, uint64_t seed) {
    auto const reaches = [&](double value) {
        model.*parameter = value;
        double sum = 0;
        for (uint64_t i = 0; i < seeds; ++i)
            sum += marks_of(*look_alike(model, like, seed + i)).*mark;
        return !(sum / seeds < wanted.*mark);
    };
    double low = 0, high = most;
    if (reaches(0)) high = 0;
    for (int i = 0; i < halvings && high > 0; ++i) {
        double const middle = (low + high) / 2;
        (reaches(middle) ? high : low) = middle;
    }
    model.*parameter = high;
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
    Marks const wanted = marks_of(source);
    calibrate_bias(model, source, seed);
    calibrate(model, &FitModel::noise_stay, 0.99, wanted, &Marks::reuse, source.info(), seed);
    calibrate(model, &FitModel::drift, 2, wanted, &Marks::half_change, source.info(), seed);
    return model;
}

}  // namespace epsim
