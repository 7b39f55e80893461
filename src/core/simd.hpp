#pragma once

/// Before a function definition: compiled for AVX-512, for AVX2 and for any x86-64; the loader
/// picks what the machine has. All give the same bits, since the compiler reorders no sums and
/// contracts no products (-ffp-contract=off). Inline functions that it calls come along.
/// Clang 16 takes no function templates here: it compiles for any x86-64 only.
#if defined(__x86_64__) && !defined(__clang__)
#define EPSIM_SIMD_CLONES [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define EPSIM_SIMD_CLONES
#endif
