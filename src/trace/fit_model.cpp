#include "trace/fit_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

/// Shares that sum to about `sum`: rounded to 1/10000 each.
bool are_shares(std::vector<double> const& values, std::size_t n, double sum) {
    return values.size() == n &&
           std::ranges::all_of(values, [](double v) { return v >= 0 && v <= 1; }) &&
           std::abs(std::accumulate(values.begin(), values.end(), 0.0) - sum) <=
               1e-4 * static_cast<double>(n + 1);
}

}  // namespace

void validate(FitModel const& m, std::string const& path) {
    check_sizes(m.num_experts, m.top_k);
    auto const require = [&](bool holds, char const* reason) {
        if (!holds)
            throw InputError(
                fmt::format("{} is no fit ({}). Make it with epsim trace fit", path, reason));
    };
    auto const is_probability = [](double p) { return p >= 0 && p < 1; };
    require(!m.layer.empty() && m.layer.size() <= most_layers, "it has no layers");
    require(m.source_count >= 1 && m.source_count <= most_sources, "source_count is out of range");
    require(m.steps >= 1 && m.steps <= most_steps, "steps is out of range");
    require(is_probability(m.noise_stay), "noise_stay is out of range");
    require(m.topics() > 0, "it has no topics");
    require(!m.sequence.empty(), "it has no sequences");
    for (auto const& sequence : m.sequence) {
        require(sequence.source >= 0 && sequence.source < m.source_count,
                "a sequence's source is out of range");
        require(sequence.step >= 0 && sequence.step < m.steps, "a sequence's step is out of range");
        require(!sequence.topic.empty(), "a sequence has no tokens");
        for (int32_t const z : sequence.topic)
            require(z >= 0 && static_cast<std::size_t>(z) < m.topics(),
                    "a sequence's topic is out of range");
    }
    auto const experts = static_cast<std::size_t>(m.num_experts);
    require(m.bias.size() == m.layer.size(), "bias has another number of layers");
    for (auto const& layer : m.bias)
        require(layer.size() == experts &&
                    std::ranges::all_of(layer, [](double b) { return std::abs(b) <= 100; }),
                "a layer's bias is out of range");
    for (auto const& topic : m.choice) {
        require(topic.size() == m.layer.size(), "a topic has another number of layers");
        for (auto const& layer : topic)
            require(are_shares(layer, experts, m.top_k), "a layer's choices do not sum to top_k");
    }
}

}  // namespace epsim
