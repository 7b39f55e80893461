#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/ids.hpp"
#include "device/buffer.hpp"
#include "gate/gate_draws.hpp"

namespace epsim {

/// x W^T for a router's seeded weights W [experts, hidden]: fp32, uniform in +- sqrt(3 / hidden),
/// so that vectors of RMS 1 give logits of variance 1. A token's logits have the same bits in
/// whatever company it comes. Memory is reused from call to call.
class LogitMaker {
public:
    /// \param layers whose routers, positions in the trace
    /// \param noisy each router has a second matrix, of its noise
    LogitMaker(uint64_t seed, std::span<LayerId const> layers, int experts, int hidden, bool noisy);

    enum class Matrix { logits, noise };
    /// \param x [T, hidden], any type   \param layer position among `layers`
    /// \param jitter for each token x_i U(1 - jitter, 1 + jitter), drawn by its number; 0 = none
    /// \param out [T, experts]
    void run(BufferView x, std::span<int64_t const> tokens, int layer, Matrix matrix, double jitter,
             GateDraws const& draws, std::span<float> out);

    /// Bytes of the weights.
    static double weight_bytes(int layers, int experts, int hidden, bool noisy);

private:
    std::span<float const> weights(int layer, Matrix matrix) const;

    std::size_t experts_, hidden_, width_;  // width_: hidden_ rounded up to whole vectors
    bool noisy_;
    std::vector<float> weights_;  // [layers, matrices, experts in fours, width]
    std::vector<float> x_;        // [4, width] tokens in fp32
};

}  // namespace epsim
