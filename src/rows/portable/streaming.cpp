#include "rows/streaming.hpp"

#include <atomic>
#include <cstring>

// For processors whose streaming stores are not written here: plain stores.

namespace epsim {

void stream_bytes(std::byte const* from, std::byte* to, int64_t bytes) {
    if (bytes > 0) std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

void fence_streams() {
    std::atomic_thread_fence(std::memory_order_release);
}

}  // namespace epsim
