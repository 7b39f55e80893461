#include "core/dtype.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace epsim {

std::string_view name_of(DType type) noexcept {
    return type == DType::f32 ? "fp32" : "bf16";
}

DType dtype_from(std::string_view name) {
    for (auto type : {DType::f32, DType::bf16})
        if (name == name_of(type)) return type;
    throw InputError(fmt::format("'{}' is no element type (known: fp32, bf16). Choose one", name));
}

}  // namespace epsim
