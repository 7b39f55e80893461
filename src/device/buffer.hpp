#pragma once

#include <cstddef>
#include <cstdint>

#include "core/dtype.hpp"
#include "device/gpu_block.hpp"
#include "device/host_block.hpp"

namespace epsim {

enum class DeviceKind { cpu, cuda };

/// Rows of vectors in somebody else's memory: [rows, width] in C order.
struct BufferView {
    std::byte* data = nullptr;
    DType type = DType::f32;
    int64_t rows = 0;
    int64_t width = 0;
    DeviceKind device = DeviceKind::cpu;

    int64_t row_bytes() const noexcept { return epsim::row_bytes(type, width); }
    int64_t bytes() const noexcept { return rows * row_bytes(); }
    std::byte* row(int64_t i) const noexcept { return data + i * row_bytes(); }
    /// Host memory as its element type T; T must store `type`.
    template <class T>
    T* as() const noexcept {
        return reinterpret_cast<T*>(data);
    }
    BufferView first(int64_t n) const noexcept { return {data, type, n, width, device}; }
};

/// Where rows are kept. `pinned` is host memory that a GPU copies from and to on its own.
enum class MemoryKind { host, pinned, device };

constexpr MemoryKind memory_of(DeviceKind device) noexcept {
    return device == DeviceKind::cpu ? MemoryKind::host : MemoryKind::device;
}

/// Memory for rows, aligned to 64 bytes; grows, never shrinks, and forgets its content when it
/// grows. Allocation belongs outside timed regions: reserve() first.
class RowBuffer {
public:
    /// What new memory holds: anything, or zeros (for rows that travel though nobody writes them).
    enum class Content { any, zeros };

    RowBuffer(MemoryKind kind, DType type, int64_t width, Content content = Content::any)
        : kind_(kind),
          content_(content),
          view_{nullptr, type, 0, width,
                kind == MemoryKind::device ? DeviceKind::cuda : DeviceKind::cpu} {}
    void reserve(int64_t rows);
    /// A view of the first `rows` rows, after growing if needed.
    BufferView rows(int64_t n);

private:
    void allocate(int64_t bytes);

    MemoryKind kind_;
    Content content_;
    HostBlock host_;
    GpuBlock gpu_;
    BufferView view_;  // rows = capacity
};

class HostBuffer : public RowBuffer {
public:
    HostBuffer(DType type, int64_t width, Content content = Content::any)
        : RowBuffer(MemoryKind::host, type, width, content) {}
};

}  // namespace epsim
