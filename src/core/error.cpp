#include "core/error.hpp"

#include <fmt/format.h>

namespace epsim {

void check(bool holds, std::string_view what, std::source_location where) {
    if (holds) return;
    std::string_view file = where.file_name();
    if (auto const slash = file.rfind('/'); slash != std::string_view::npos)
        file.remove_prefix(slash + 1);
    throw Error(
        fmt::format("internal error: {} ({}:{}). Please report it", what, file, where.line()));
}

}  // namespace epsim
