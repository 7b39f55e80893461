#pragma once

#include <oneapi/dnnl/dnnl.hpp>

#include "compute/expert_kernel.hpp"

namespace epsim::onednn {

/// The weights of one network as the products take them: `in` [hidden, columns] with the gate's
/// columns before those of the up matrix, `down` [intermediate, hidden].
struct Network {
    dnnl::memory in, down;

    int64_t bytes() const {
        return static_cast<int64_t>(in.get_desc().get_size() + down.get_desc().get_size());
    }
};

/// Draws networks' weights and reorders them.
class NetworkMaker {
public:
    /// \param in_type   of the first product: spec.dtype or wider
    /// \param in, down  layouts of the weights
    NetworkMaker(FeedForwardSpec const& spec, DType in_type, dnnl::engine const& engine,
                 dnnl::memory::desc const& in, dnnl::memory::desc const& down);
    Network make(uint64_t seed, WeightKey key);

private:
    dnnl::memory reorder(BufferView drawn, dnnl::memory::desc const& layout);

    FeedForwardSpec spec_;
    dnnl::engine engine_;
    dnnl::stream stream_;
    dnnl::memory::desc in_, down_;
    HostBuffer drawn_in_, drawn_down_;
};

}  // namespace epsim::onednn
