#include "layer/local_networks.hpp"

#include <cmath>
#include <numeric>

namespace epsim {
namespace {

std::unique_ptr<ExpertKernel> one_network(LayerSpec const& spec, FeedForwardSpec const& network,
                                          WeightKey::Role role, std::string_view kernel,
                                          int threads) {
    std::vector<std::vector<WeightKey>> keys;
    for (int layer = 0; layer < spec.layers; ++layer)
        keys.push_back({{role, spec.weights_layer(layer), 0}});
    return make_expert_kernel(kernel, network, spec.seed, keys, threads);
}

void add_rows(BufferView in, BufferView out) {
    dispatch_dtype(out.type, [&]<class T>(T) {
        auto const* a = in.as<T>();
        auto* b = out.as<T>();
        for (int64_t i = 0; i < out.rows * out.width; ++i)
            b[i] = from_float<T>(to_float(b[i]) + to_float(a[i]));
    });
}

}  // namespace

LocalNetworks::LocalNetworks(LayerSpec const& spec, std::string_view kernel, int threads)
    : spec_(spec) {
    if (spec.has_shared())
        shared_ = one_network(spec, spec.shared(), WeightKey::Role::shared, kernel, threads);
    if (spec.has_dense_residual())
        dense_ = one_network(spec, spec.dense_residual(), WeightKey::Role::dense_residual, kernel,
                             threads);
    if (!spec.has_shared() || !spec.shape.shared_gated) return;
    for (int layer = 0; layer < spec.layers; ++layer) {
        auto& gate = gate_.emplace_back(static_cast<std::size_t>(spec.shape.hidden));
        fill_weights(spec.seed, {WeightKey::Role::shared_gate, spec.weights_layer(layer), 0},
                     Matrix::gate, spec.shape.hidden, 0, gate);
    }
}

void LocalNetworks::forward(int layer, BufferView tokens, Stream& stream, int part) {
    if (empty()) return;
    int64_t const n = tokens.rows;
    while (std::ssize(results_) <= part)
        results_.push_back({{spec_.dtype, spec_.shape.hidden}, {spec_.dtype, spec_.shape.hidden}});
    auto& results = results_[static_cast<std::size_t>(part)];
    if (n > std::ssize(identity_)) {
        identity_.resize(static_cast<std::size_t>(n));
        std::iota(identity_.begin(), identity_.end(), 0);
        ones_.resize(identity_.size(), 1.0f);
    }
    auto const count = static_cast<std::size_t>(n);
    int64_t const slot_offset[] = {0, n};
    auto const identity = std::span<int32_t const>(identity_).first(count);
    GroupedRows const rows{tokens, slot_offset, identity, identity, std::span(ones_).first(count)};
    if (shared_) {
        shared_->prepare(n, n);
        shared_->forward(layer, rows, results.shared.rows(n), stream);
        if (!gate_.empty()) gate_shared(layer, tokens, results.shared.rows(n));
    }
    if (dense_) {
        dense_->prepare(n, n);
        dense_->forward(layer, rows, results.dense.rows(n), stream);
    }
}

void LocalNetworks::gate_shared(int layer, BufferView tokens, BufferView out) {
    auto const& gate = gate_[static_cast<std::size_t>(layer)];
    dispatch_dtype(tokens.type, [&]<class In>(In) {
        dispatch_dtype(out.type, [&]<class Out>(Out) {
            for (int64_t t = 0; t < tokens.rows; ++t) {
                auto const* x = tokens.as<In>() + t * tokens.width;
                auto* y = out.as<Out>() + t * out.width;
                float score = 0;
                for (std::size_t c = 0; c < gate.size(); ++c) score += gate[c] * to_float(x[c]);
                float const scale = 1.0f / (1.0f + std::exp(-score));
                for (std::size_t c = 0; c < gate.size(); ++c)
                    y[c] = from_float<Out>(to_float(y[c]) * scale);
            }
        });
    });
}

void LocalNetworks::add_to(BufferView out, int part) {
    if (empty()) return;
    auto& results = results_[static_cast<std::size_t>(part)];
    if (shared_) add_rows(results.shared.rows(out.rows), out);
    if (dense_) add_rows(results.dense.rows(out.rows), out);
}

int64_t LocalNetworks::weight_bytes() const {
    return (shared_ ? shared_->weight_bytes() : 0) + (dense_ ? dense_->weight_bytes() : 0);
}

}  // namespace epsim
