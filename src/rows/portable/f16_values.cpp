#include "rows/f16_values.hpp"

namespace epsim {

void to_f16(float const* in, int64_t n, f16* out) {
    for (int64_t i = 0; i < n; ++i) out[i] = to_f16(in[i]);
}

void to_floats(f16 const* in, int64_t n, float* out) {
    for (int64_t i = 0; i < n; ++i) out[i] = to_float(in[i]);
}

}  // namespace epsim
