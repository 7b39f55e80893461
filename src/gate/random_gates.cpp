#include "gate/random_gates.hpp"

#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "gate/top_k.hpp"
#include "gate/top_k_gates.hpp"

namespace epsim {
namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

void check_tokens(Logits const& logits, std::span<int64_t const> tokens) {
    check(std::ssize(tokens) == logits.tokens(), "every row of logits is a token's");
}

/// The softmax of x at `of` among those that `band` admits: all of them at least as far down as it.
float banded_softmax(std::span<float const> x, std::size_t of, double epsilon) {
    float const top = x[of];
    double sum = 0;
    for (float const v : x) {
        if (v == never) continue;
        float const distance = (top - v) / std::max(std::abs(v), top);
        if (!(distance > static_cast<float>(2 * epsilon))) sum += std::exp(v - top);
    }
    return static_cast<float>(1 / sum);
}

}  // namespace

RoutingBatch switch_gate(Logits const& logits) {
    return softmax_gate(logits, 1, {});
}

void jitter_input(std::span<float> hidden, double epsilon, GateDraws const& draws, int64_t token) {
    for (std::size_t i = 0; i < hidden.size(); ++i) {
        double const u = draws.uniform(Draw::jitter, token, static_cast<uint32_t>(i));
        hidden[i] *= static_cast<float>(1 - epsilon + 2 * epsilon * u);
    }
}

RoutingBatch gshard_gate(Logits const& logits, GateDraws const& draws,
                         std::span<int64_t const> tokens) {
    auto batch = topk_softmax_gate(logits, 2);
    check_tokens(logits, tokens);
    for (std::size_t t = 0; t < tokens.size(); ++t)
        if (2 * batch.weight[2 * t + 1] < draws.uniform(Draw::second, tokens[t], 0))
            choose(batch, static_cast<int64_t>(t), 1, index(no_expert), 0);
    return batch;
}

RoutingBatch sampled_top2_gate(Logits const& logits, GateDraws const& draws,
                               std::span<int64_t const> tokens) {
    auto batch = start_batch(logits, 2);
    check_tokens(logits, tokens);
    std::vector<float> noisy(static_cast<std::size_t>(logits.experts));
    TopK top;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
        auto const x = logits.row(static_cast<int64_t>(t));
        auto const first = static_cast<std::size_t>(top.largest(x, 1)[0]);
        for (std::size_t e = 0; e < noisy.size(); ++e)
            noisy[e] = static_cast<float>(
                x[e] + draws.gumbel(Draw::second, tokens[t], static_cast<uint32_t>(e)));
        noisy[first] = never;
        auto const second = static_cast<std::size_t>(top.largest(noisy, 1)[0]);
        auto const g1 = static_cast<float>(1 / (1 + std::exp(double{x[second]} - x[first])));
        choose(batch, static_cast<int64_t>(t), 0, static_cast<int>(first), g1);
        choose(batch, static_cast<int64_t>(t), 1, static_cast<int>(second), 1 - g1);
    }
    return batch;
}

RoutingBatch noisy_top_k_gate(Logits const& logits, Logits const& noise, int k,
                              GateDraws const& draws, std::span<int64_t const> tokens) {
    check_tokens(logits, tokens);
    check(noise.value.size() == logits.value.size(), "every logit has its noise");
    check_finite(noise);
    auto const n = static_cast<std::size_t>(logits.experts);
    std::vector<float> h(logits.value.begin(), logits.value.end());
    for (std::size_t t = 0; t < tokens.size(); ++t)
        for (std::size_t e = 0; e < n; ++e) {
            double const x = noise.value[t * n + e];
            double const softplus = std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
            h[t * n + e] += static_cast<float>(
                draws.normal(Draw::noise, tokens[t], static_cast<uint32_t>(e)) * (softplus + 1e-2));
        }
    return topk_softmax_gate({h, logits.experts}, k);
}

RoutingBatch sparsemixer_gate(Logits const& logits, int k, double epsilon) {
    auto batch = start_batch(logits, k);
    std::vector<float> left;
    TopK top;
    for (int64_t t = 0; t < logits.tokens(); ++t) {
        auto const x = logits.row(t);
        left.assign(x.begin(), x.end());
        for (int c = 0; c < k; ++c) {
            auto const best = static_cast<std::size_t>(top.largest(left, 1)[0]);
            choose(batch, t, c, static_cast<int>(best), banded_softmax(left, best, epsilon));
            left[best] = never;
        }
    }
    return batch;
}

}  // namespace epsim
