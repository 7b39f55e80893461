#include "compute/onednn_version.hpp"

#include <fmt/format.h>
#include <oneapi/dnnl/dnnl.h>

namespace epsim {

std::string onednn_version() {
    auto const* const v = dnnl_version();
    return fmt::format("{}.{}.{}", v->major, v->minor, v->patch);
}

}  // namespace epsim
