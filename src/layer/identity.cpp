#include "layer/identity.hpp"

#include <cmath>
#include <string_view>
#include <vector>

#include "core/cast.hpp"
#include "core/rng.hpp"
#include "layer/partial_sums.hpp"
#include "layer/wire_round_trip.hpp"

namespace epsim {
namespace {

/// Signatures are integers in [-4, 3]: three bits an element.
void signature(uint64_t seed, uint32_t a, uint32_t b, uint64_t index, std::span<float> out) {
    CounterRng const rng(seed, RngStream::identity);
    constexpr std::size_t per_word = 8, per_call = 4 * per_word;
    for (std::size_t c = 0; c < out.size(); c += per_call) {
        auto const words = rng.words(a, b, index << 20 | c / per_call);
        for (std::size_t i = c; i < std::min(c + per_call, out.size()); ++i) {
            uint32_t const bits = words[(i - c) / per_word] >> (4 * ((i - c) % per_word));
            out[i] = static_cast<float>(bits & 7u) - 4.0f;
        }
    }
}

void token_signature(LayerSpec const& spec, StepId step, int64_t token, std::span<float> out) {
    signature(spec.seed, static_cast<uint32_t>(epsim::index(step)), 0, static_cast<uint64_t>(token),
              out);
}

void expert_signature(LayerSpec const& spec, int layer, ExpertId expert, std::span<float> out) {
    signature(spec.seed, static_cast<uint32_t>(layer), 1,
              static_cast<uint64_t>(epsim::index(expert)), out);
}

float round_to(DType type, float value) {
    return dispatch_dtype(type, [&]<class T>(T) { return to_float(from_float<T>(value)); });
}

class IdentityKernel final : public ExpertKernel {
public:
    IdentityKernel(LayerSpec const& spec, Placement const& placement, RankId rank)
        : spec_(spec), placement_(placement), rank_(rank) {
        signature_.resize(static_cast<std::size_t>(spec.shape.hidden));
    }
    std::string_view name() const override { return "identity"; }
    void prepare(int64_t, int64_t) override {}
    int64_t weight_bytes() const override { return 0; }

    void forward(int layer, GroupedRows const& in, BufferView out, Stream&) override {
        auto const experts = placement_.experts_of(LayerId{layer}, rank_);
        dispatch_dtype(in.rows.type, [&]<class In>(In) {
            dispatch_dtype(out.type, [&]<class Out>(Out) {
                for (std::size_t s = 0; s < experts.size(); ++s) {
                    if (in.slot_offset[s] == in.slot_offset[s + 1]) continue;
                    expert_signature(spec_, layer, experts[s], signature_);
                    for (auto i = in.slot_offset[s]; i < in.slot_offset[s + 1]; ++i) {
                        int64_t const row = in.row_index[static_cast<std::size_t>(i)];
                        auto const* x = in.rows.as<In>() + row * in.rows.width;
                        auto* y = out.as<Out>() +
                                  in.result_index[static_cast<std::size_t>(i)] * out.width;
                        for (std::size_t c = 0; c < signature_.size(); ++c)
                            y[c] = from_float<Out>(to_float(x[c]) + signature_[c]);
                    }
                }
            });
        });
    }

private:
    LayerSpec spec_;
    Placement const& placement_;
    RankId rank_;
    std::vector<float> signature_;
};

}  // namespace

void token_signatures(LayerSpec const& spec, StepId step, std::span<int64_t const> tokens,
                      BufferView out) {
    std::vector<float> values(static_cast<std::size_t>(spec.shape.hidden));
    dispatch_dtype(out.type, [&]<class T>(T) {
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            token_signature(spec, step, tokens[i], values);
            auto* row = out.as<T>() + static_cast<int64_t>(i) * out.width;
            for (std::size_t c = 0; c < values.size(); ++c) row[c] = from_float<T>(values[c]);
        }
    });
}

std::unique_ptr<ExpertKernel> make_identity_kernel(LayerSpec const& spec,
                                                   Placement const& placement, RankId rank) {
    return std::make_unique<IdentityKernel>(spec, placement, rank);
}

void expected_identity(LayerSpec const& spec, StepId step, LayerId layer, int64_t token,
                       std::span<ExpertId const> experts, std::span<float const> weights,
                       std::span<float> out, std::span<float> bound) {
    std::vector<float> x(out.size()), sent(out.size()), e(out.size());
    token_signature(spec, step, token, x);
    std::ranges::fill(out, 0.0f);
    std::ranges::fill(bound, 0.0f);
    WireRoundTrip wire(spec);
    bool const weight_rows = spec.shape.weight_at == WeightAt::input;
    auto const roundoff = static_cast<float>(sum_roundoff(spec));
    for (std::size_t k = 0; k < experts.size(); ++k) {
        if (experts[k] == no_expert) continue;
        expert_signature(spec, index(layer), experts[k], e);
        wire.run(x, weights[k], sent);
        for (std::size_t c = 0; c < out.size(); ++c) {
            float const returned = round_to(spec.combine_dtype, sent[c] + e[c]);
            float const weighted = weight_rows ? returned : weights[k] * returned;
            out[c] += weighted;
            bound[c] += roundoff * std::abs(weighted);
        }
    }
}

}  // namespace epsim
