#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace epsim {

/// RFC 4648, with padding.
std::string to_base64(std::string_view bytes);
/// Nothing if the text is not base64 (line ends are not accepted).
std::optional<std::string> from_base64(std::string_view text);

}  // namespace epsim
