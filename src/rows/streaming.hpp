#pragma once

#include <cstddef>
#include <cstdint>

namespace epsim {

/// How rows are written. Streaming stores go past the caches: a line is not read before it is
/// written, which nearly doubles what memory takes, but who reads the rows next finds none of them
/// in a cache. `automatic` streams what exceeds half of the last-level cache.
enum class Stores { automatic, cached, streaming };

/// Whether `bytes` that one call writes are streamed. The first call asks the operating system
/// about the cache, which takes milliseconds.
bool streams(Stores stores, int64_t bytes);

/// As std::memcpy, past the caches. Lines that `to` begins or ends in the middle of are written
/// through the caches. \param from, to any alignment; apart
void stream_bytes(std::byte const* from, std::byte* to, int64_t bytes);

/// What was streamed is seen by other threads and processes before what is stored after this.
void fence_streams();

}  // namespace epsim
