#pragma once

#include <cstdint>

#include "core/error.hpp"
#include "device/buffer.hpp"

namespace epsim {

inline void check_rows(BufferView in, BufferView out) {
    check(in.device == DeviceKind::cpu && out.device == DeviceKind::cpu,
          "rows are not on the host");
    check(in.width == out.width, "rows in and out differ in width");
}

inline void check_same_type(BufferView in, BufferView out) {
    check(in.type == out.type, "rows in and out differ in type");
}

/// That dispatch_dtype knows the type.
inline void check_computes(DType type) {
    check(type == DType::f32 || type == DType::bf16, "rows are of a type of the wire");
}

int64_t size_of(auto const& span) {
    return static_cast<int64_t>(span.size());
}

}  // namespace epsim
