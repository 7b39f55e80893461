#pragma once

#include <vector>

#include "core/ids.hpp"
#include "core/rng.hpp"
#include "trace/options.hpp"
#include "trace/popularity.hpp"

namespace epsim {

/// The popularity of places in a step and layer: a model's, changed by
///   drift  a random walk: log w(step s) = log w + N(0, drift^2 s), its increments independent
///   burst  in the first burst_length of every burst_every steps, burst_experts places drawn at
///          random for this burst and layer have burst_factor times their weight
/// A function of (seed, step, layer): any step is had without those before it.
class StepPopularity {
public:
    /// \throws InputError on parameters out of range
    StepPopularity(PopularityModel model, RoutingOptions routing, int num_experts, int top_k);

    /// [num_experts] by place, finite.
    std::vector<double> log_weights(StepId step, LayerId layer) const;
    /// The same for all steps and layers.
    bool is_fixed() const noexcept;

private:
    void add_burst(std::vector<double>& log_weight, StepId step, LayerId layer) const;
    double walk(StepId step, LayerId layer, uint32_t place) const;

    PopularityModel model_;
    RoutingOptions routing_;
    int num_experts_, top_k_;
    std::vector<double> base_;  // of layer 0
    CounterRng rng_;
};

}  // namespace epsim
