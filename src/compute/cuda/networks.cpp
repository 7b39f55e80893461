#include "compute/cuda/networks.hpp"

#include "compute/weights.hpp"
#include "device/device_memory.hpp"

namespace epsim {
namespace {

BufferView part(BufferView rows, int64_t first, int64_t count) {
    return {rows.row(first), rows.type, count, rows.width, rows.device};
}

}  // namespace

GpuNetworks::GpuNetworks(FeedForwardSpec const& spec, uint64_t seed,
                         std::vector<WeightKey> const& keys)
    : slots_(keys.size()),
      in_rows_(is_gated(spec.activation) ? 2 * spec.intermediate : spec.intermediate),
      down_rows_(spec.hidden),
      in_memory_(MemoryKind::device, spec.dtype, spec.hidden),
      down_memory_(MemoryKind::device, spec.dtype, spec.intermediate) {
    auto const slots = static_cast<int64_t>(slots_);
    in_memory_.reserve(slots * in_rows_);
    down_memory_.reserve(slots * down_rows_);
    in_ = in_memory_.rows(slots * in_rows_);
    down_ = down_memory_.rows(slots * down_rows_);
    HostBuffer in_drawn(spec.dtype, spec.hidden), down_drawn(spec.dtype, spec.intermediate);
    in_drawn.reserve(in_rows_);
    down_drawn.reserve(down_rows_);
    BufferView const in = in_drawn.rows(in_rows_), down = down_drawn.rows(down_rows_);
    auto const stream = make_stream(DeviceKind::cuda);
    for (int64_t s = 0; s < slots; ++s) {
        auto const key = keys[static_cast<std::size_t>(s)];
        int64_t const gate_rows = in_rows_ - spec.intermediate;
        if (gate_rows > 0) make_weights(seed, key, Matrix::gate, spec.dtype, in.first(gate_rows));
        make_weights(seed, key, Matrix::up, spec.dtype, part(in, gate_rows, spec.intermediate));
        make_weights(seed, key, Matrix::down, spec.dtype, down);
        copy_rows(in, part(in_, s * in_rows_, in_rows_), *stream);
        copy_rows(down, part(down_, s * down_rows_, down_rows_), *stream);
        stream->synchronise();
    }
}

}  // namespace epsim
