#pragma once

#include "compute/expert_kernel.hpp"
#include "device/buffer.hpp"

namespace epsim {

/// The weights of one layer's slots on the GPU, in spec.dtype.
class GpuNetworks {
public:
    GpuNetworks(FeedForwardSpec const& spec, uint64_t seed, std::vector<WeightKey> const& keys);

    std::size_t slots() const noexcept { return slots_; }
    /// [intermediate, hidden], or the gate's matrix and then the other's.
    std::byte const* in(std::size_t slot) const { return first(in_, slot, in_rows_); }
    /// [hidden, intermediate]
    std::byte const* down(std::size_t slot) const { return first(down_, slot, down_rows_); }
    int64_t bytes() const noexcept { return in_.bytes() + down_.bytes(); }

private:
    static std::byte const* first(BufferView rows, std::size_t slot, int64_t rows_of_slot) {
        return rows.row(static_cast<int64_t>(slot) * rows_of_slot);
    }

    std::size_t slots_;
    int64_t in_rows_, down_rows_;
    RowBuffer in_memory_, down_memory_;
    BufferView in_, down_;
};

}  // namespace epsim
