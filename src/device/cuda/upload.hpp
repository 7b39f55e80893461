#pragma once

#include <cuda_runtime.h>

#include <cstring>
#include <span>

#include "device/cuda/check.hpp"
#include "device/gpu_block.hpp"

namespace epsim {

/// A small array of the host that kernels read. It goes through locked pages, so that nobody waits
/// for the copy but the next one through here.
template <class T>
class Upload {
public:
    Upload() { check_cuda(cudaEventCreateWithFlags(&copied_, cudaEventDisableTiming), "event"); }
    ~Upload() { cudaEventDestroy(copied_); }
    Upload(Upload const&) = delete;
    Upload& operator=(Upload const&) = delete;

    /// \return the copy on the GPU, for what is put into the stream after this and before the next
    ///         call with the same stream; null for an empty array
    T const* operator()(std::span<T const> values, cudaStream_t stream) {
        if (values.empty()) return nullptr;
        check_cuda(cudaEventSynchronize(copied_), "cudaEventSynchronize");
        grow(values.size());
        std::memcpy(staged_.data(), values.data(), values.size_bytes());
        check_cuda(cudaMemcpyAsync(copy_.data(), staged_.data(), values.size_bytes(),
                                   cudaMemcpyHostToDevice, stream),
                   "cudaMemcpyAsync");
        check_cuda(cudaEventRecord(copied_, stream), "cudaEventRecord");
        return reinterpret_cast<T const*>(copy_.data());
    }

private:
    void grow(std::size_t n) {
        if (n <= capacity_) return;
        capacity_ = n + n / 4;
        auto const bytes = static_cast<int64_t>(capacity_ * sizeof(T));
        staged_ = {};
        copy_ = {};
        staged_ = GpuBlock(GpuBlock::Place::host, bytes);
        copy_ = GpuBlock(GpuBlock::Place::device, bytes);
    }

    cudaEvent_t copied_ = nullptr;
    std::size_t capacity_ = 0;
    GpuBlock staged_, copy_;
};

}  // namespace epsim
