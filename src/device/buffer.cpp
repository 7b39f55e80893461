#include "device/buffer.hpp"

#include <cstring>

#include "core/cast.hpp"

namespace epsim {

void HostBuffer::reserve(int64_t rows) {
    if (rows <= view_.rows) return;
    auto const bytes = checked_multiply(rows, view_.row_bytes(), "a buffer");
    memory_ = {};  // before the new block, which need not fit beside it
    memory_ = HostBlock(bytes);
    if (content_ == Content::zeros) std::memset(memory_.data(), 0, static_cast<std::size_t>(bytes));
    view_.data = memory_.data();
    view_.rows = rows;
}

BufferView HostBuffer::rows(int64_t n) {
    if (n > view_.rows) reserve(n + n / 4);  // head room, so that a growing need settles soon
    return view_.first(n);
}

}  // namespace epsim
