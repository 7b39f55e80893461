#include "rows/f16_values.hpp"

#include <cpuid.h>
#include <immintrin.h>

namespace epsim {
namespace {

constexpr int64_t lanes = 8;

[[gnu::target("avx,f16c")]] int64_t encode_lanes(float const* in, int64_t n, f16* out) {
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
    return i;
}

[[gnu::target("avx,f16c")]] int64_t decode_lanes(f16 const* in, int64_t n, float* out) {
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
        _mm256_storeu_ps(
            out + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<__m128i const*>(in + i))));
    return i;
}

bool has_conversions() {
    static bool const has = [] {
        unsigned eax, ebx, ecx, edx;
        return __builtin_cpu_supports("avx") && __get_cpuid(1, &eax, &ebx, &ecx, &edx) &&
               (ecx & bit_F16C);
    }();
    return has;
}

}  // namespace

void to_f16(float const* in, int64_t n, f16* out) {
    for (int64_t i = has_conversions() ? encode_lanes(in, n, out) : 0; i < n; ++i)
        out[i] = to_f16(in[i]);
}

void to_floats(f16 const* in, int64_t n, float* out) {
    for (int64_t i = has_conversions() ? decode_lanes(in, n, out) : 0; i < n; ++i)
        out[i] = to_float(in[i]);
}

}  // namespace epsim
