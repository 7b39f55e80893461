#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "layer/layer_spec.hpp"
#include "rows/row_engine.hpp"

namespace epsim {

/// What every rank computes for its own tokens beside the routed experts: shared experts (times a
/// sigmoid gate where the model has one) and a dense residual network.
class LocalNetworks {
public:
    /// \param kernel, threads as for make_expert_kernel
    LocalNetworks(LayerSpec const& spec, std::string_view kernel, int threads);

    bool empty() const noexcept { return !shared_ && !dense_; }
    /// Compute the networks of these tokens. \param tokens [T, hidden], model type
    /// \param part of a layer's tokens: the results of each are kept
    void forward(int layer, BufferView tokens, Stream& stream, int part = 0);
    /// Add what forward computed of a part to out [T, hidden], model type: shared experts, then the
    /// residual.
    void add_to(BufferView out, Stream& stream, int part = 0);
    int64_t weight_bytes() const;

private:
    struct Results {
        RowBuffer shared, dense;
    };

    LayerSpec spec_;
    std::unique_ptr<RowEngine> engine_;
    std::unique_ptr<ExpertKernel> shared_, dense_;
    std::vector<std::vector<float>> gate_;  // [layers][hidden], empty if not gated
    std::vector<Results> results_;          // of each part
    std::vector<int32_t> identity_;         // where tokens in order are, and their results
    std::vector<float> ones_;
};

}  // namespace epsim
