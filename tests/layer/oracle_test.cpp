#include "layer/oracle.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "layer/local_networks.hpp"
#include "layer/token_vectors.hpp"
#include "support/random_routing.hpp"

namespace epsim::test {
namespace {

LayerSpec small_spec(std::mt19937& random, Activation activation) {
    auto const pick = [&](int low, int high) {
        return std::uniform_int_distribution(low, high)(random);
    };
    LayerSpec spec;
    spec.shape.hidden = pick(1, 40);
    spec.shape.num_experts = pick(1, 6);
    spec.shape.top_k = pick(1, spec.shape.num_experts);
    spec.shape.expert_intermediate = pick(1, 50);
    spec.shape.activation = activation;
    spec.seed = random();
    spec.layers = 2;
    return spec;
}

/// The definition once more, the slowest way: every term in long double, no bounds.
std::vector<double> by_definition(LayerSpec const& spec, int layer, RoutingBatch const& routing,
                                  std::vector<float> const& x) {
    auto const h = static_cast<std::size_t>(spec.shape.hidden);
    auto const inner = static_cast<std::size_t>(spec.shape.expert_intermediate);
    auto const k = static_cast<std::size_t>(routing.top_k);
    std::vector<double> out(x.size());
    auto const weights = [&](ExpertId e, Matrix m, std::size_t rows, std::size_t columns) {
        std::vector<float> w(rows * columns);
        fill_weights(spec.seed, {WeightKey::Role::routed, layer, index(e)}, m,
                     static_cast<int64_t>(columns), 0, w);
        if (spec.dtype == DType::bf16)
            for (float& v : w) v = to_float(to_bf16(v));
        return w;
    };
    for (std::size_t a = 0; a < routing.expert.size(); ++a) {
        if (routing.expert[a] == no_expert) continue;
        auto const gate = weights(routing.expert[a], Matrix::gate, inner, h);
        auto const up = weights(routing.expert[a], Matrix::up, inner, h);
        auto const down = weights(routing.expert[a], Matrix::down, h, inner);
        for (std::size_t i = 0; i < inner; ++i) {
            long double g = 0, u = 0;
            for (std::size_t c = 0; c < h; ++c) {
                g += static_cast<long double>(gate[i * h + c]) * x[a / k * h + c];
                u += static_cast<long double>(up[i * h + c]) * x[a / k * h + c];
            }
            long double v = 0;
            switch (spec.shape.activation) {
                case Activation::relu:
                    v = u > 0 ? u : 0;
                    break;
                case Activation::swiglu:
                    v = g / (1 + std::exp(-g)) * u;
                    break;
                case Activation::swiglu_clamped: {
                    long double const gc = std::min(g, 7.0L), uc = std::clamp(u, -7.0L, 7.0L);
                    v = gc / (1 + std::exp(-1.702L * gc)) * (uc + 1);
                    break;
                }
                default: {
                    long double const z = spec.shape.activation == Activation::gelu ? u : g;
                    v = 0.5L * z *
                        (1 + std::tanh(std::sqrt(2 / std::numbers::pi_v<long double>) *
                                       (z + 0.044715L * z * z * z)));
                    if (spec.shape.activation == Activation::geglu) v *= u;
                }
            }
            for (std::size_t c = 0; c < h; ++c)
                out[a / k * h + c] += static_cast<double>(
                    routing.weight[a] * static_cast<long double>(down[c * inner + i]) * v);
        }
    }
    return out;
}

TEST(Oracle, IsTheDefinitionForEveryActivation) {
    std::mt19937 random(7);
    for (auto const activation : {Activation::relu, Activation::gelu, Activation::geglu,
                                  Activation::swiglu, Activation::swiglu_clamped})
        for (int trial = 0; trial < 8; ++trial) {
            auto spec = small_spec(random, activation);
            spec.dtype = spec.wire_dtype = spec.combine_dtype =
                trial % 2 ? DType::bf16 : DType::f32;
            auto const routing =
                random_routing(random, trial, spec.shape.num_experts, spec.shape.top_k);
            std::vector<int64_t> tokens(static_cast<std::size_t>(trial));
            std::iota(tokens.begin(), tokens.end(), 0);
            HostBuffer buffer(spec.dtype, spec.shape.hidden);
            auto const view = buffer.rows(trial);
            TokenVectors(spec).fill(StepId{0}, tokens, view);
            std::vector<float> x(static_cast<std::size_t>(view.rows * view.width));
            dispatch_dtype(view.type, [&]<class T>(T) {
                std::transform(view.as<T>(), view.as<T>() + x.size(), x.begin(),
                               [](T v) { return to_float(v); });
            });
            auto const oracle = oracle_outputs(spec, 1, routing, x);
            auto const definition = by_definition(spec, 1, routing, x);
            for (std::size_t i = 0; i < definition.size(); ++i) {
                EXPECT_NEAR(oracle.value[i], definition[i], 1e-9);
                EXPECT_GT(oracle.bound[i], 0);
            }
        }
}

/// A bound that lets anything pass is no bound: it must stay small beside the outputs.
TEST(Oracle, BoundIsTight) {
    std::mt19937 random(3);
    LayerSpec spec;
    spec.shape.hidden = spec.shape.expert_intermediate = 256;
    spec.shape.num_experts = 8;
    spec.shape.top_k = 2;
    for (auto const type : {DType::f32, DType::bf16}) {
        spec.dtype = spec.wire_dtype = spec.combine_dtype = type;
        auto const routing = random_routing(random, 16, 8, 2, ExpertId{0});
        std::vector<float> x(16 * 256);
        std::normal_distribution<float> normal;
        for (float& v : x) v = to_float(to_bf16(normal(random)));
        auto const oracle = oracle_outputs(spec, 0, routing, x);
        double size = 0, bound = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            size += std::abs(oracle.value[i]);
            bound += oracle.bound[i];
        }
        EXPECT_LT(bound / size, type == DType::f32 ? 0.02 : 0.25);
    }
}

/// To `bits` significant bits: what a floating-point type does to its normal numbers.
double rounded(double x, int bits) {
    int exponent = 0;
    double const fraction = std::frexp(x, &exponent);
    return std::ldexp(std::nearbyint(std::ldexp(fraction, bits)), exponent - bits);
}

double relative_error(std::span<double const> exact, int bits) {
    double error = 0, all = 0;
    for (double const x : exact) {
        error += std::pow(rounded(x, bits) - x, 2);
        all += x * x;
    }
    return std::sqrt(error / all);
}

TEST(Oracle, SaysWhatEachWireTypeTakesAway) {
    std::mt19937 random(11);
    LayerSpec spec;
    spec.shape.hidden = 200;
    spec.shape.expert_intermediate = 32;
    spec.shape.num_experts = 3;
    spec.shape.top_k = 1;
    spec.dtype = DType::f32;
    auto routing = random_routing(random, 9, 3, 1);
    std::ranges::fill(routing.expert, ExpertId{2});
    std::ranges::fill(routing.weight, 1.0F);
    std::vector<float> x(9 * 200);
    std::normal_distribution<float> normal;
    for (float& v : x) v = normal(random);
    std::vector<double> const sent(x.begin(), x.end());
    for (auto const& [type, bits] : {std::pair{DType::f32, 24}, {DType::bf16, 8}})
        for (auto const& [back, back_bits] : {std::pair{DType::f32, 24}, {DType::bf16, 8}}) {
            spec.wire_dtype = type;
            spec.combine_dtype = back;
            auto const oracle = oracle_outputs(spec, 0, routing, x);
            EXPECT_NEAR(oracle.dispatch.relative(), relative_error(sent, bits), 1e-12);
            EXPECT_NEAR(oracle.combine.relative(), relative_error(oracle.value, back_bits), 1e-12);
        }
    // Subnormals round otherwise: e4m3 has 4 bits, halves of an ulp at most.
    spec.wire_dtype = DType::f8_e4m3;
    auto const error = oracle_outputs(spec, 0, routing, x).dispatch.relative();
    EXPECT_GT(error, relative_error(sent, 4) * 0.9);
    EXPECT_LT(error, relative_error(sent, 4) * 1.2);
}

TEST(TokenVectors, AreNormalisedSeededAndTheSameForAnySplit) {
    LayerSpec spec;
    spec.shape.hidden = 257;
    spec.dtype = spec.wire_dtype = DType::f32;
    TokenVectors const vectors(spec);
    HostBuffer all(DType::f32, 257), one(DType::f32, 257);
    std::vector<int64_t> const tokens{0, 1, 5, 1000000};
    auto const a = all.rows(4);
    vectors.fill(StepId{3}, tokens, a);
    for (int64_t i = 0; i < 4; ++i) {
        auto const b = one.rows(1);
        vectors.fill(StepId{3}, std::span(tokens).subspan(static_cast<std::size_t>(i), 1), b);
        double squares = 0;
        for (int64_t c = 0; c < 257; ++c) {
            EXPECT_EQ(b.as<float>()[c], a.as<float>()[i * 257 + c]);
            squares += static_cast<double>(b.as<float>()[c]) * b.as<float>()[c];
        }
        EXPECT_NEAR(squares / 257, 1.0, 1e-4);
    }
    EXPECT_NE(a.as<float>()[0], a.as<float>()[257]);
}

}  // namespace
}  // namespace epsim::test
