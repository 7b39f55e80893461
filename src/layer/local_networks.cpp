#include "layer/local_networks.hpp"

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

}  // namespace

LocalNetworks::LocalNetworks(LayerSpec const& spec, std::string_view kernel, int threads)
    : spec_(spec), engine_(make_row_engine(spec.device)) {
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
        results_.push_back({{memory_of(spec_.device), spec_.dtype, spec_.shape.hidden},
                            {memory_of(spec_.device), spec_.dtype, spec_.shape.hidden}});
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
        if (!gate_.empty())
            engine_->scale_by_gate(tokens, gate_[static_cast<std::size_t>(layer)],
                                   results.shared.rows(n), stream);
    }
    if (dense_) {
        dense_->prepare(n, n);
        dense_->forward(layer, rows, results.dense.rows(n), stream);
    }
}

void LocalNetworks::add_to(BufferView out, Stream& stream, int part) {
    if (empty()) return;
    auto& results = results_[static_cast<std::size_t>(part)];
    if (shared_) engine_->add(results.shared.rows(out.rows), out, stream);
    if (dense_) engine_->add(results.dense.rows(out.rows), out, stream);
}

int64_t LocalNetworks::weight_bytes() const {
    return (shared_ ? shared_->weight_bytes() : 0) + (dense_ ? dense_->weight_bytes() : 0);
}

}  // namespace epsim
