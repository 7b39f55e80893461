#include "device/buffer.hpp"

#include <new>

#include "core/cast.hpp"

namespace epsim {
namespace {
constexpr std::align_val_t alignment{64};
}

void HostBuffer::Free::operator()(std::byte* p) const noexcept {
    ::operator delete[](p, alignment);
}

void HostBuffer::reserve(int64_t rows) {
    if (rows <= view_.rows) return;
    auto const bytes = checked_multiply(rows, view_.row_bytes(), "a buffer");
    memory_.reset();
    memory_.reset(
        static_cast<std::byte*>(::operator new[](static_cast<std::size_t>(bytes), alignment)));
    view_.data = memory_.get();
    view_.rows = rows;
}

BufferView HostBuffer::rows(int64_t n) {
    if (n > view_.rows) reserve(n + n / 4);  // head room, so that a growing need settles soon
    return view_.first(n);
}

}  // namespace epsim
