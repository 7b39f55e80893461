#pragma once

/// Of inline functions that CPU loops and GPU kernels share.
#ifdef __CUDACC__
#define EPSIM_HOST_DEVICE __host__ __device__
#else
#define EPSIM_HOST_DEVICE
#endif
