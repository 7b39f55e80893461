#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "device/buffer.hpp"
#include "device/stream.hpp"

namespace epsim {

/// A stream of work: on the host, or of its own on the process's GPU (see use_gpu).
std::unique_ptr<Stream> make_stream(DeviceKind device);

/// Rows from anywhere to anywhere, in the stream's order. Equal sizes and types.
void copy_rows(BufferView from, BufferView to, Stream& stream);

// Bytes between host memory and the process's GPU.
void copy_to_host(std::byte const* from, std::byte* to, int64_t bytes, Stream& stream);
void copy_to_device(std::byte const* from, std::byte* to, int64_t bytes, Stream& stream);

/// The same on the host, at once: [rows, width] of host memory.
class HostCopy {
public:
    /// \return what `rows` hold once the stream has reached this point; rows of the host as they are
    BufferView of(BufferView rows, Stream& stream);

private:
    std::unique_ptr<RowBuffer> memory_;
};

}  // namespace epsim
