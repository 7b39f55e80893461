#pragma once

#include <cstddef>
#include <cstdint>

namespace epsim {

/// How rows are written. Streaming stores go past the caches: a line is not read before it is
/// written, which nearly doubles what memory takes, but who reads the rows next finds none of them
/// in a cache. `automatic` streams where a call reads and writes more than half of the last-level
/// cache that one core sees, or than 16 MiB: from about there on, permuting rows and reading them
/// again takes less time so. Ranks that share a cache know better.
enum class Stores { automatic, cached, streaming };

/// Whether a call that reads and writes so many bytes streams. The first call asks the operating
/// system about the cache, which takes milliseconds.
bool streams(Stores stores, int64_t bytes);

/// As std::memcpy, past the caches (but for what of the first and last 4 bytes is no whole aligned
/// word). \param from, to any alignment; apart
void stream_bytes(std::byte const* from, std::byte* to, int64_t bytes);

/// What was streamed is seen by other threads and processes before what is stored after this.
void fence_streams();

}  // namespace epsim
