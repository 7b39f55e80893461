#pragma once

#include <cmath>
#include <vector>

#include "compute/expert_kernel.hpp"

namespace epsim::test {

/// A value and the largest error that a right kernel may make in it.
struct Bounded {
    long double value = 0, error = 0;
};

/// One network from its definition, in long double, with a bound that follows each rounding of a
/// kernel which sums with unit roundoff `u`:
/// - an n-term dot product errs by at most gamma_n sum |w x|, gamma_n = n u / (1 - n u), in any
///   order (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 3.1);
/// - |silu'| <= 1.1, |gelu_tanh'| <= 1.13, clamping is 1-Lipschitz; evaluating s = sigmoid(t) with
/// an
///   argument off by d t errs by d |t| s (1 - s) <= 0.224 d, hence `evaluation` below;
/// - one rounding to dtype of the activation and one to out_dtype of the output.
class NetworkOracle {
public:
    NetworkOracle(FeedForwardSpec const& spec, uint64_t seed, WeightKey key, double u)
        : spec_(spec), u_(u) {
        if (is_gated(spec.activation)) gate_ = draw(seed, key, Matrix::gate);
        up_ = draw(seed, key, Matrix::up);
        down_ = draw(seed, key, Matrix::down);
    }

    /// \param x [hidden], already of in_dtype
    std::vector<Bounded> run(std::vector<float> const& x) const {
        auto const h = static_cast<std::size_t>(spec_.hidden);
        auto const inner = static_cast<std::size_t>(spec_.intermediate);
        std::vector<Bounded> in(h), a(inner), y(h);
        for (std::size_t k = 0; k < h; ++k) in[k] = {x[k], 0};
        for (std::size_t i = 0; i < inner; ++i) {
            auto const project = [&](std::vector<float> const& w) {
                Bounded const sum = dot(&w[i * h], in);
                return spec_.rounds_products ? rounded(sum, spec_.dtype) : sum;
            };
            Bounded const up = project(up_);
            a[i] = rounded(activated(gate_.empty() ? Bounded{} : project(gate_), up), spec_.dtype);
        }
        for (std::size_t k = 0; k < h; ++k)
            y[k] = rounded(dot(&down_[k * inner], a), spec_.out_dtype);
        return y;
    }

private:
    using Real = long double;
    static constexpr Real tiny = 0x1p-120L;  // what flushed denormals may add up to

    std::vector<float> draw(uint64_t seed, WeightKey key, Matrix matrix) const {
        std::vector<float> w(static_cast<std::size_t>(spec_.hidden) *
                             static_cast<std::size_t>(spec_.intermediate));
        fill_weights(seed, key, matrix, matrix == Matrix::down ? spec_.intermediate : spec_.hidden,
                     0, w);
        if (spec_.dtype == DType::bf16)
            for (float& v : w)
                if (v != 0) {  // eight significant bits, ties to even
                    double const quantum = std::ldexp(1.0, std::ilogb(v) - 7);
                    v = static_cast<float>(std::nearbyint(v / quantum) * quantum);
                }
        return w;
    }

    Bounded dot(float const* w, std::vector<Bounded> const& x) const {
        Real sum = 0, magnitude = 0, carried = 0;
        for (std::size_t k = 0; k < x.size(); ++k) {
            sum += w[k] * x[k].value;
            magnitude += std::abs(w[k]) * (std::abs(x[k].value) + x[k].error);
            carried += std::abs(w[k]) * x[k].error;
        }
        Real const nu = static_cast<Real>(x.size()) * u_;
        return {sum, carried + nu / (1 - nu) * magnitude + tiny};
    }

    /// f(g) v, f with slope at most `slope`, f's argument off by `argument` roundings of itself.
    Bounded product(Real f, Real slope, Real argument, Bounded g, Bounded v) const {
        Real const carried =
            std::abs(f) * v.error + slope * g.error * (std::abs(v.value) + v.error);
        Real const evaluation =
            u_ * (8 * std::abs(f) + 0.224L * argument * (std::abs(g.value) + g.error)) *
            (std::abs(v.value) + v.error);
        return {f * v.value, carried + evaluation + tiny};
    }

    Bounded activated(Bounded g, Bounded u) const {
        auto const gelu = [](Real x) {
            return x / 2 *
                   (1 + std::tanh(std::sqrt(2 / std::acos(-1.0L)) * (x + 0.044715L * x * x * x)));
        };
        switch (spec_.activation) {
            case Activation::relu:
                return {std::max<Real>(u.value, 0), u.error};
            case Activation::gelu:
                return product(gelu(u.value), 1.13L, 8, u, {1, 0});
            case Activation::geglu:
                return product(gelu(g.value), 1.13L, 8, g, u);
            case Activation::swiglu:
                return product(g.value / (1 + std::exp(-g.value)), 1.1L, 0, g, u);
            case Activation::swiglu_clamped: {
                Real const x = std::min<Real>(g.value, 7);
                Real const clamped = std::clamp<Real>(u.value, -7, 7) + 1;
                return product(x / (1 + std::exp(-1.702L * x)), 1.1L, 2, g,
                               {clamped, u.error + 8 * static_cast<Real>(u_)});
            }
        }
        return {};
    }

    static Bounded rounded(Bounded v, DType type) {
        return {v.value, v.error + unit_roundoff(type) * (std::abs(v.value) + v.error) + tiny};
    }

    FeedForwardSpec spec_;
    Real u_;
    std::vector<float> gate_, up_, down_;  // [outputs, inputs]
};

}  // namespace epsim::test
