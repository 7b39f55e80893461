#include <cuda_runtime.h>

#include <array>
#include <cstdio>

#include "core/error.hpp"
#include "device/cuda/cublas.hpp"
#include "device/cuda/nccl.hpp"
#include "device/device_query.hpp"

namespace epsim {
namespace {

std::string dotted(int major, int minor) {
    return std::to_string(major) + "." + std::to_string(minor);
}
/// CUDA's own form: 1000 major + 10 minor.
std::string cuda_version(int v) {
    return dotted(v / 1000, v % 1000 / 10);
}

/// What a library says, or why it is not there.
template <class Load>
std::string loaded(Load load) {
    try {
        return load();
    } catch (InputError const& e) {
        return e.what();
    }
}

/// "GPU-" and 8-4-4-4-12 hexadecimal digits, as nvidia-smi prints it.
std::string uuid_text(cudaUUID_t const& uuid) {
    std::string text = "GPU-";
    std::array<char, 3> digits{};
    for (int i = 0; i < 16; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        std::snprintf(digits.data(), digits.size(), "%02x",
                      static_cast<unsigned char>(uuid.bytes[i]));
        text += digits.data();
    }
    return text;
}

/// \returns the error of the call that failed
cudaError_t describe(int device, GpuInfo& gpu) {
    cudaDeviceProp properties{};
    if (auto const e = cudaGetDeviceProperties(&properties, device); e != cudaSuccess) return e;
    std::array<char, 32> pci{};
    if (auto const e = cudaDeviceGetPCIBusId(pci.data(), static_cast<int>(pci.size()), device);
        e != cudaSuccess)
        return e;
    gpu.name = properties.name;
    gpu.uuid = uuid_text(properties.uuid);
    gpu.pci = pci.data();
    gpu.compute_major = properties.major;
    gpu.compute_minor = properties.minor;
    gpu.memory_bytes = static_cast<double>(properties.totalGlobalMem);
    return cudaSuccess;
}

std::string unavailable(std::string const& reason) {
    return "no CUDA device (" + reason + "). Use --device=cpu";
}

}  // namespace

CudaInfo query_cuda() {
    CudaInfo info;
    info.built = true;
    info.cublas = loaded([] { return cublas().version; });
    info.nccl = loaded([] { return nccl().version_text; });
    int version = 0;
    if (cudaRuntimeGetVersion(&version) == cudaSuccess) info.runtime = cuda_version(version);
    // Without a driver the runtime reports version 0, and success.
    if (cudaDriverGetVersion(&version) != cudaSuccess || version == 0) {
        info.unavailable = unavailable("driver not found");
        return info;
    }
    info.driver = cuda_version(version);
    int devices = 0;
    auto error = cudaGetDeviceCount(&devices);
    for (int device = 0; error == cudaSuccess && device < devices; ++device)
        error = describe(device, info.devices.emplace_back());
    if (error != cudaSuccess)
        info.unavailable = unavailable(cudaGetErrorString(error));
    else if (devices == 0)
        info.unavailable = unavailable("the driver sees none");
    return info;
}

}  // namespace epsim
