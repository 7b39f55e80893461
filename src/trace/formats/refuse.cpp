#include "trace/formats/refuse.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace epsim {

void refuse_import(std::filesystem::path const& file, std::string const& reason,
                   std::string const& what_to_do) {
    throw InputError(
        fmt::format("{} cannot be imported ({}). {}", file.string(), reason, what_to_do));
}

}  // namespace epsim
