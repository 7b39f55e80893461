#pragma once

#include <cstdint>

#include "rows/wire_formats.hpp"

namespace epsim {

// As to_f16 and to_float, of n values, by the CPU's instructions for them where there are any; the
// same bits.

void to_f16(float const* in, int64_t n, f16* out);
void to_floats(f16 const* in, int64_t n, float* out);

}  // namespace epsim
