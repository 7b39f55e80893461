#pragma once

#include "compute/expert_kernel.hpp"
#include "device/buffer.hpp"

namespace epsim::reference {

/// The weights of one network in spec.dtype, transposed so that a row holds what one input element
/// adds to every output: `in` [hidden, intermediate], or [hidden, 2 intermediate] with the gate's
/// columns first, and `down` [intermediate, hidden].
class Network {
public:
    Network(FeedForwardSpec const& spec, uint64_t seed, WeightKey key);
    BufferView in() { return in_.rows(in_rows_); }
    BufferView down() { return down_.rows(down_rows_); }
    int64_t bytes() const noexcept { return bytes_; }

private:
    int64_t in_rows_, down_rows_, bytes_;
    HostBuffer in_, down_;
};

/// y [rows, w.width] = x [rows, w.rows] w, summed in fp64 in order of w's rows from zero.
/// \param rows at most 8, which share one pass over the weights
void multiply(double const* x, int64_t rows, BufferView w, double* y);

inline constexpr int64_t rows_per_pass = 8;

}  // namespace epsim::reference
