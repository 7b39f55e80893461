#include "layer/oracle.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "core/cast.hpp"
#include "core/simd.hpp"
#include "layer/partial_sums.hpp"
#include "layer/wire_round_trip.hpp"

namespace epsim {
namespace {

constexpr double u32 = 0x1p-24;

double gamma_sum(double n) {
    return n * u32 / (1 - n * u32);
}

double round_to(DType type, double value) {
    return dispatch_dtype(type, [&]<class T>(T) -> double {
        return to_float(from_float<T>(static_cast<float>(value)));
    });
}

/// A value and the largest error that a right implementation may make in it.
struct Bounded {
    double value, error;
};

struct DotResult {
    double sum, magnitude;
};

/// Vectorised by hand into eight lanes, since the compiler may not reorder a sum.
EPSIM_SIMD_CLONES DotResult dot(float const* w, double const* x, std::size_t n) {
    constexpr std::size_t lanes = 8;
    std::array<double, lanes> sum{}, magnitude{};
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes)
        for (std::size_t l = 0; l < lanes; ++l) {
            double const p = static_cast<double>(w[i + l]) * x[i + l];
            sum[l] += p;
            magnitude[l] += std::abs(p);
        }
    for (; i < n; ++i) {
        double const p = static_cast<double>(w[i]) * x[i];
        sum[0] += p;
        magnitude[0] += std::abs(p);
    }
    DotResult result{0, 0};
    for (std::size_t l = 0; l < lanes; ++l) {
        result.sum += sum[l];
        result.magnitude += magnitude[l];
    }
    return result;
}

/// A network's weights, rounded to the type that the kernels hold.
struct Weights {
    std::vector<float> gate, up, down;

    Weights(uint64_t seed, WeightKey key, FeedForwardSpec const& network) {
        int64_t const h = network.hidden, i = network.intermediate;
        auto const draw = [&](Matrix matrix, int64_t rows, int64_t columns) {
            std::vector<float> w(static_cast<std::size_t>(rows * columns));
            fill_weights(seed, key, matrix, columns, 0, w);
            for (float& v : w) v = static_cast<float>(round_to(network.dtype, v));
            return w;
        };
        if (is_gated(network.activation)) gate = draw(Matrix::gate, i, h);
        up = draw(Matrix::up, i, h);
        down = draw(Matrix::down, h, i);
    }
};

double gelu(double x) {
    constexpr double c = 0.7978845608028654;  // sqrt(2 / pi)
    return 0.5 * x * (1 + std::tanh(c * (x + 0.044715 * x * x * x)));
}

double sigmoid(double x) {
    return 1 / (1 + std::exp(-x));
}

/// f(g) u with |f'| <= slope: the product rule with errors in both factors.
Bounded product(double f, double slope, Bounded g, Bounded u) {
    double const df = slope * g.error;
    return {f * u.value, std::abs(f) * u.error + df * (std::abs(u.value) + u.error)};
}

Bounded activate(Activation activation, Bounded g, Bounded u) {
    constexpr double gelu_slope = 1.13, silu_slope = 1.1;  // maxima of |f'|, rounded up
    switch (activation) {
        case Activation::relu:
            return {std::max(u.value, 0.0), u.error};
        case Activation::gelu:
            return {gelu(u.value), gelu_slope * u.error};
        case Activation::geglu:
            return product(gelu(g.value), gelu_slope, g, u);
        case Activation::swiglu:
            return product(g.value * sigmoid(g.value), silu_slope, g, u);
        case Activation::swiglu_clamped: {
            double const clamped = std::min(g.value, 7.0);
            Bounded const shifted{std::clamp(u.value, -7.0, 7.0) + 1, u.error};
            return product(clamped * sigmoid(1.702 * clamped), silu_slope, g, shifted);
        }
    }
    return {};
}

/// One network on one vector: fills y and its errors, [hidden].
void network_output(FeedForwardSpec const& network, Weights const& w, std::span<double const> x,
                    std::span<double> y, std::span<double> error) {
    auto const h = x.size(), inner = static_cast<std::size_t>(network.intermediate);
    double const sum_error = gamma_sum(static_cast<double>(h) + 2);
    double const dtype_error = unit_roundoff(network.dtype);
    std::vector<double> a(inner), a_error(inner);
    for (std::size_t i = 0; i < inner; ++i) {
        auto const project = [&](std::vector<float> const& matrix) -> Bounded {
            if (matrix.empty()) return {0, 0};
            auto const d = dot(matrix.data() + i * h, x.data(), h);
            double const off = sum_error * d.magnitude;
            return {d.sum, network.rounds_products
                               ? off + dtype_error * (std::abs(d.sum) + off) + 0x1p-126
                               : off};
        };
        Bounded const v = activate(network.activation, project(w.gate), project(w.up));
        a[i] = v.value;
        // 16 u: the activation itself evaluated in fp32; 2^-126: what flushing denormals loses.
        a_error[i] = v.error + (dtype_error + 16 * u32) * (std::abs(v.value) + v.error) + 0x1p-126;
    }
    double const down_error = gamma_sum(static_cast<double>(inner) + 2);
    for (std::size_t c = 0; c < h; ++c) {
        float const* row = w.down.data() + c * inner;
        auto const d = dot(row, a.data(), inner);
        double propagated = 0;
        for (std::size_t i = 0; i < inner; ++i)
            propagated += std::abs(static_cast<double>(row[i])) * a_error[i];
        double const e = propagated + down_error * (d.magnitude + propagated);
        y[c] = d.sum;
        error[c] = e + unit_roundoff(network.out_dtype) * (std::abs(d.sum) + e) + 0x1p-126;
    }
}

/// Adds networks' outputs, with their errors, to one layer's.
class Accumulator {
public:
    Accumulator(LayerSpec const& spec, int layer, RoutingBatch const& routing,
                std::span<float const> x, Heartbeat* heartbeat)
        : spec_(spec),
          layer_(spec.weights_layer(layer)),
          hidden_(static_cast<std::size_t>(spec.shape.hidden)),
          tokens_(static_cast<std::size_t>(routing.tokens())),
          routing_(routing),
          x_(x),
          heartbeat_(heartbeat),
          wire_(spec),
          y_(hidden_),
          error_(hidden_),
          out_{std::vector<double>(tokens_ * hidden_),
               std::vector<double>(tokens_ * hidden_),
               {},
               {}},
          magnitude_(tokens_ * hidden_) {}

    OracleOutput run() {
        add_routed();
        round_sum(gamma_sum(routing_.top_k + 1) + sum_roundoff(spec_));
        if (spec_.has_shared()) add_local(spec_.shared(), WeightKey::Role::shared);
        if (spec_.has_dense_residual())
            add_local(spec_.dense_residual(), WeightKey::Role::dense_residual);
        return std::move(out_);
    }

private:
    std::span<float const> vector_of(std::size_t token) const {
        return x_.subspan(token * hidden_, hidden_);
    }

    /// What the expert gets of a token.
    std::vector<double> arrived(std::size_t token, float weight) {
        std::vector<float> x(hidden_);
        auto const sent = vector_of(token);
        wire_.run(sent, weight, x);
        double const scale = spec_.shape.weight_at == WeightAt::input ? weight : 1.0;
        for (std::size_t c = 0; c < hidden_; ++c) out_.dispatch.add(scale * sent[c], x[c]);
        return {x.begin(), x.end()};
    }

    void add_routed() {
        std::map<ExpertId, std::vector<std::size_t>> by_expert;  // assignments
        for (std::size_t a = 0; a < routing_.expert.size(); ++a)
            if (routing_.expert[a] != no_expert) by_expert[routing_.expert[a]].push_back(a);
        bool const weight_rows = spec_.shape.weight_at == WeightAt::input;
        for (auto const& [expert, assignments] : by_expert) {
            Weights const w(spec_.seed, {WeightKey::Role::routed, layer_, index(expert)},
                            spec_.routed());
            for (std::size_t const a : assignments) {
                auto const token = a / static_cast<std::size_t>(routing_.top_k);
                float const weight = routing_.weight[a];
                network_output(spec_.routed(), w, arrived(token, weight), y_, error_);
                for (double const y : y_) out_.combine.add(y, round_to(spec_.combine_dtype, y));
                add(token, weight_rows ? 1.0 : weight);
            }
        }
    }

    void add_local(FeedForwardSpec const& network, WeightKey::Role role) {
        Weights const w(spec_.seed, {role, layer_, 0}, network);
        std::vector<float> gate;
        if (role == WeightKey::Role::shared && spec_.shape.shared_gated) {
            gate.resize(hidden_);
            fill_weights(spec_.seed, {WeightKey::Role::shared_gate, layer_, 0}, Matrix::gate,
                         spec_.shape.hidden, 0, gate);
        }
        for (std::size_t token = 0; token < tokens_; ++token) {
            std::vector<double> const x(vector_of(token).begin(), vector_of(token).end());
            network_output(network, w, x, y_, error_);
            if (!gate.empty()) scale_by_gate(gate, token);
            add(token, 1.0);
        }
        round_sum(u32);
    }

    void scale_by_gate(std::vector<float> const& gate, std::size_t token) {
        std::vector<double> x(x_.begin() + static_cast<std::ptrdiff_t>(token * hidden_),
                              x_.begin() + static_cast<std::ptrdiff_t>((token + 1) * hidden_));
        auto const d = dot(gate.data(), x.data(), hidden_);
        double const scale = sigmoid(d.sum);
        double const scale_error =
            0.25 * gamma_sum(static_cast<double>(hidden_) + 2) * d.magnitude + 8 * u32;
        for (std::size_t c = 0; c < hidden_; ++c) {
            double const e = scale * error_[c] + scale_error * (std::abs(y_[c]) + error_[c]);
            y_[c] *= scale;
            error_[c] = e + unit_roundoff(spec_.dtype) * (std::abs(y_[c]) + e);
        }
    }

    void add(std::size_t token, double weight) {
        if (heartbeat_) heartbeat_->beat();
        for (std::size_t c = 0; c < hidden_; ++c) {
            auto const at = token * hidden_ + c;
            out_.value[at] += weight * y_[c];
            out_.bound[at] += std::abs(weight) * error_[c];
            magnitude_[at] += std::abs(weight) * (std::abs(y_[c]) + error_[c]);
        }
    }

    /// The fp32 sum of what was added since the last call, then one rounding to the model's type.
    void round_sum(double sum_error) {
        for (std::size_t at = 0; at < out_.bound.size(); ++at) {
            out_.bound[at] += sum_error * magnitude_[at];
            out_.bound[at] +=
                unit_roundoff(spec_.dtype) * (std::abs(out_.value[at]) + out_.bound[at]) + 0x1p-126;
            magnitude_[at] = std::abs(out_.value[at]) + out_.bound[at];
        }
    }

    LayerSpec const& spec_;
    int layer_;
    std::size_t hidden_, tokens_;
    RoutingBatch const& routing_;
    std::span<float const> x_;
    Heartbeat* heartbeat_;
    WireRoundTrip wire_;
    std::vector<double> y_, error_;  // of one network on one token
    OracleOutput out_;
    std::vector<double> magnitude_;
};

}  // namespace

OracleOutput oracle_outputs(LayerSpec const& spec, int layer, RoutingBatch const& routing,
                            std::span<float const> x, Heartbeat* heartbeat) {
    check(x.size() == static_cast<std::size_t>(routing.tokens() * spec.shape.hidden),
          "the oracle's x is [tokens, hidden]");
    return Accumulator(spec, layer, routing, x, heartbeat).run();
}

}  // namespace epsim
