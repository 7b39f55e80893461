#pragma once

#include <cstdint>

#include "core/dtype.hpp"
#include "device/buffer.hpp"
#include "dispatch/route.hpp"
#include "model/model_shape.hpp"

namespace epsim {

/// Sizes and types that an exchange is built for.
struct ExchangeShape {
    int64_t hidden;
    DType dtype;          ///< of token vectors
    DType wire_dtype;     ///< of dispatched rows
    DType combine_dtype;  ///< of results and of returned rows
    WeightAt weight_at;   ///< where gate weights apply
    int32_t first_slot;   ///< of this rank
    int32_t local_slots;
    Capacity capacity = {};               ///< of algorithm padded
    DeviceKind device = DeviceKind::cpu;  ///< where tokens and rows are

    /// Of the rows that experts take: the wire's, where something computes in it.
    DType received_dtype() const noexcept { return computes_in(wire_dtype) ? wire_dtype : dtype; }
};

}  // namespace epsim
