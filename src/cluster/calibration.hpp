#pragma once

#include <cstdint>
#include <vector>

#include "core/dtype.hpp"
#include "measure/array.hpp"

namespace epsim {

/// Ceilings of one rank, or of all ranks of a node at once. 0 = not measured.
struct Ceilings {
    double read = 0;         ///< B/s read from memory
    double write = 0;        ///< B/s written to memory, past the caches
    double copy = 0;         ///< B/s copied by memcpy, payload
    double stream_copy = 0;  ///< B/s copied with stores past the caches, payload
    double flops_f32 = 0;    ///< FLOP/s of a register loop
    double flops_bf16 = 0;   ///< the same of bf16 products; that of f32 where there are none

    double flops(DType type) const { return type == DType::bf16 ? flops_bf16 : flops_f32; }
};

/// What a machine can do, measured in one go. R ranks, N nodes, Z message sizes.
struct Calibration {
    std::vector<Ceilings> rank;     ///< [R] each while the other ranks of its node rest
    std::vector<Ceilings> node;     ///< [N] all its ranks at once, summed
    std::vector<int64_t> size;      ///< [Z] bytes of a message, ascending
    Array<double, 3> link_seconds;  ///< [Z, source, destination] one message, one way; source =
                                    ///< destination: a copy; NaN = not measured
    std::vector<Ceilings> rank_least{}, node_least{};  ///< [R], [N] the worst repetition; `rank`
                                                       ///< and `node` are the best
    int rank_repetitions = 0, node_repetitions = 0;
    bool empty() const noexcept { return rank.empty(); }
};

}  // namespace epsim
