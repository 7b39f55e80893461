#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace epsim {

/// zlib streams (RFC 1950). Nothing if the stream is damaged or holds more than `most` bytes:
/// memory grows with what is there.
std::optional<std::string> inflate_bytes(std::string_view stream, std::size_t most);
std::string deflate_bytes(std::string_view bytes);

}  // namespace epsim
