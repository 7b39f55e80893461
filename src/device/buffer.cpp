#include "device/buffer.hpp"

#include <cstring>

#include "core/cast.hpp"

namespace epsim {

void RowBuffer::reserve(int64_t rows) {
    if (rows <= view_.rows) return;
    allocate(checked_multiply(rows, view_.row_bytes(), "a buffer"));
    view_.rows = rows;
}

/// What there was goes before the new block comes, which need not fit beside it.
void RowBuffer::allocate(int64_t bytes) {
    if (kind_ == MemoryKind::host) {
        host_ = {};
        host_ = HostBlock(bytes);
        if (content_ == Content::zeros)
            std::memset(host_.data(), 0, static_cast<std::size_t>(bytes));
        view_.data = host_.data();
    } else {
        gpu_ = {};
        gpu_ = GpuBlock(
            kind_ == MemoryKind::device ? GpuBlock::Place::device : GpuBlock::Place::host, bytes);
        if (content_ == Content::zeros) gpu_.clear(bytes);
        view_.data = gpu_.data();
    }
}

BufferView RowBuffer::rows(int64_t n) {
    if (n > view_.rows) reserve(n + n / 4);  // head room, so that a growing need settles soon
    return view_.first(n);
}

}  // namespace epsim
