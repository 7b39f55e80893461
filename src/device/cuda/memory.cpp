#include <cstring>

#include "core/error.hpp"
#include "device/cuda/check.hpp"
#include "device/cuda/stream.hpp"
#include "device/device_memory.hpp"
#include "device/gpu.hpp"

namespace epsim {

CudaStream::CudaStream() {
    check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
}

CudaStream::~CudaStream() {
    cudaStreamDestroy(stream_);
}

void CudaStream::synchronise() {
    check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
}

cudaStream_t native(Stream& stream) {
    auto* const cuda = dynamic_cast<CudaStream*>(&stream);
    check(cuda != nullptr, "work for a GPU is not in a stream of the GPU");
    return cuda->native();
}

std::unique_ptr<Stream> make_stream(DeviceKind device) {
    if (device == DeviceKind::cpu) return std::make_unique<HostStream>();
    return std::make_unique<CudaStream>();
}

void GpuBlock::Free::operator()(std::byte* p) const noexcept {
    place == Place::device ? cudaFree(p) : cudaFreeHost(p);
}

GpuBlock::GpuBlock(Place place, int64_t bytes) {
    if (bytes == 0) return;
    void* p = nullptr;
    auto const n = static_cast<std::size_t>(bytes);
    auto const code = place == Place::device ? cudaMalloc(&p, n) : cudaMallocHost(&p, n);
    if (code == cudaErrorMemoryAllocation) cudaGetLastError();  // or the next launch reports it
    check_cuda(code, place == Place::device ? "cudaMalloc" : "cudaMallocHost");
    memory_ = {static_cast<std::byte*>(p), Free{place}};
}

void GpuBlock::clear(int64_t bytes) {
    if (bytes == 0) return;
    if (memory_.get_deleter().place == Place::host) {
        std::memset(data(), 0, static_cast<std::size_t>(bytes));
        return;
    }
    check_cuda(cudaMemset(data(), 0, static_cast<std::size_t>(bytes)), "cudaMemset");
    check_cuda(cudaDeviceSynchronize(), "cudaMemset");  // it does not wait for other streams
}

void copy_rows(BufferView from, BufferView to, Stream& stream) {
    check(from.type == to.type && from.width == to.width && from.rows == to.rows,
          "rows copied differ in type or size");
    if (from.bytes() == 0) return;
    auto const bytes = static_cast<std::size_t>(from.bytes());
    if (from.device == DeviceKind::cpu && to.device == DeviceKind::cpu) {
        std::memcpy(to.data, from.data, bytes);
        return;
    }
    check_cuda(cudaMemcpyAsync(to.data, from.data, bytes, cudaMemcpyDefault, native(stream)),
               "cudaMemcpyAsync");
}

void copy_to_host(std::byte const* from, std::byte* to, int64_t bytes, Stream& stream) {
    if (bytes == 0) return;
    check_cuda(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToHost,
                               native(stream)),
               "cudaMemcpyAsync");
}

void copy_to_device(std::byte const* from, std::byte* to, int64_t bytes, Stream& stream) {
    if (bytes == 0) return;
    check_cuda(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyHostToDevice,
                               native(stream)),
               "cudaMemcpyAsync");
}

GpuInfo use_gpu(int local_rank) {
    auto const cuda = query_cuda();
    if (!cuda.unavailable.empty()) throw InputError(cuda.unavailable);
    int const device = local_rank % static_cast<int>(cuda.devices.size());
    check_cuda(cudaSetDevice(device), "cudaSetDevice");
    return cuda.devices[static_cast<std::size_t>(device)];
}

}  // namespace epsim
