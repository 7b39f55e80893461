#include "device/device_query.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace epsim {

void require_device(std::string_view name) {
    if (name == "cpu") return;
    if (name != "cuda")
        throw InputError(fmt::format("'{}' is no device (known: cpu, cuda). Choose one", name));
    if (auto const cuda = query_cuda(); !cuda.unavailable.empty())
        throw InputError(cuda.unavailable);
}

}  // namespace epsim
