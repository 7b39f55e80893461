#include "compute/onednn/network.hpp"

#include "compute/onednn/matmul_ladder.hpp"
#include "compute/weights.hpp"

namespace epsim::onednn {

NetworkMaker::NetworkMaker(FeedForwardSpec const& spec, DType in_type, dnnl::engine const& engine,
                           dnnl::memory::desc const& in, dnnl::memory::desc const& down)
    : spec_(spec),
      engine_(engine),
      stream_(engine),
      in_(in),
      down_(down),
      drawn_in_(in_type, spec.hidden),
      drawn_down_(spec.dtype, spec.intermediate) {}

Network NetworkMaker::make(uint64_t seed, WeightKey key) {
    int64_t const inner = spec_.intermediate;
    bool const gated = is_gated(spec_.activation);
    BufferView const in = drawn_in_.rows(gated ? 2 * inner : inner);
    BufferView const down = drawn_down_.rows(spec_.hidden);
    BufferView up = in.first(inner);
    if (gated) {
        make_weights(seed, key, Matrix::gate, spec_.dtype, up);
        up.data = in.row(inner);
    }
    make_weights(seed, key, Matrix::up, spec_.dtype, up);
    make_weights(seed, key, Matrix::down, spec_.dtype, down);
    return {reorder(in, in_), reorder(down, down_)};
}

/// Drawn weights are [outputs, inputs]; a product takes [inputs, outputs]: the same bytes read as
/// "ba".
dnnl::memory NetworkMaker::reorder(BufferView drawn, dnnl::memory::desc const& layout) {
    dnnl::memory::desc const desc({drawn.width, drawn.rows}, onednn_type(drawn.type),
                                  dnnl::memory::format_tag::ba);
    dnnl::memory from(desc, engine_, drawn.data);
    dnnl::memory to(layout, engine_);
    dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
    return to;
}

}  // namespace epsim::onednn
