#pragma once

#include <cstdint>
#include <limits>

#include "rows/wire_formats.hpp"

namespace epsim {

inline constexpr float least_f8_scale = std::numeric_limits<float>::min();

/// `factor` times a row, as rows/row_codec says. \param out [row_bytes(width)]
void encode_f8_row(float const* in, float factor, int64_t width, f8_e4m3* out);
void encode_f8_row(bf16 const* in, float factor, int64_t width, f8_e4m3* out);

/// \param in [row_bytes(width)]
void decode_f8_row(f8_e4m3 const* in, int64_t width, float* out);
void decode_f8_row(f8_e4m3 const* in, int64_t width, bf16* out);

}  // namespace epsim
