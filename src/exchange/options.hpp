#pragma once

#include <cstdint>
#include <string>

#include "core/dtype.hpp"
#include "dispatch/route.hpp"

namespace epsim {

/// [exchange]
struct ExchangeOptions {
    std::string backend = "mpi";          ///< mpi | nccl | local | plugin
    std::string algorithm = "alltoallv";  ///< one of exchange_algorithms(), or auto
    std::string plugin;                   ///< of backend plugin: a shared library; "" = none
    Dedup dedup = Dedup::none;            ///< what a token's assignments share on the wire
    int64_t capacity = 0;  ///< of algorithm padded: rows from each rank to each; 0 = enough for all
    std::string traffic = "uniform";    ///< of measure.exchange_only: uniform | recorded | FILE
    std::string aggressor = "none";     ///< of measure.exchange_only: what half of the ranks load
                                        ///< the network with: none | incast | allreduce
    DType wire_dtype = DType::bf16;     ///< of dispatched rows; default: model.dtype
    DType combine_dtype = DType::bf16;  ///< of returned rows; default: model.dtype
    int chunks = 1;  ///< of a rank's tokens of a layer, in a pipeline of exchange and experts
    std::string progress_thread = "auto";  ///< communicate on a thread of its own where the
                                           ///< schedule overlaps: auto | on | off
};

}  // namespace epsim
