#include "device/device_query.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace epsim {

void require_device(std::string_view name) {
    if (name == "cpu") return;
    if (name != "cuda")
        throw InputError(fmt::format("'{}' is no device (known: cpu, cuda). Choose one", name));
    auto const cuda = query_cuda();
    if (!cuda.unavailable.empty()) throw InputError(cuda.unavailable);
    throw InputError(
        "device cuda cannot run experts (the CUDA backend has no expert kernels in this version). "
        "Use --device=cpu");
}

}  // namespace epsim
