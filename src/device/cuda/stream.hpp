#pragma once

#include <cuda_runtime.h>

#include "device/stream.hpp"

namespace epsim {

class CudaStream final : public Stream {
public:
    CudaStream();
    ~CudaStream() override;
    CudaStream(CudaStream const&) = delete;
    CudaStream& operator=(CudaStream const&) = delete;

    void synchronise() override;
    cudaStream_t native() const noexcept { return stream_; }

private:
    cudaStream_t stream_ = nullptr;
};

/// \throws Error if the stream is the host's
cudaStream_t native(Stream& stream);

}  // namespace epsim
