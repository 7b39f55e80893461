#include <cstring>

#include "core/error.hpp"
#include "device/device_memory.hpp"
#include "device/gpu.hpp"

namespace epsim {
namespace {

constexpr char const* no_cuda =
    "no CUDA device (built without CUDA). Configure with -DEPSIM_CUDA=ON or use --device=cpu";

}  // namespace

CudaInfo query_cuda() {
    CudaInfo info;
    info.unavailable = no_cuda;
    return info;
}

GpuInfo use_gpu(int) {
    throw InputError(no_cuda);
}

std::unique_ptr<Stream> make_stream(DeviceKind device) {
    if (device != DeviceKind::cpu) throw InputError(no_cuda);
    return std::make_unique<HostStream>();
}

GpuBlock::GpuBlock(Place, int64_t) {
    throw InputError(no_cuda);
}
void GpuBlock::Free::operator()(std::byte*) const noexcept {}
void GpuBlock::clear(int64_t) {}

void copy_to_host(std::byte const*, std::byte*, int64_t, Stream&) {
    throw InputError(no_cuda);
}
void copy_to_device(std::byte const*, std::byte*, int64_t, Stream&) {
    throw InputError(no_cuda);
}

void copy_rows(BufferView from, BufferView to, Stream&) {
    check(from.device == DeviceKind::cpu && to.device == DeviceKind::cpu && from.type == to.type &&
              from.width == to.width && from.rows == to.rows,
          "rows copied differ in type or size");
    if (from.bytes() > 0) std::memcpy(to.data, from.data, static_cast<std::size_t>(from.bytes()));
}

}  // namespace epsim
