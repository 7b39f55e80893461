#include "core/dtype.hpp"

#include <fmt/ranges.h>

#include <vector>

#include "core/error.hpp"

namespace epsim {

std::string_view name_of(DType type) noexcept {
    constexpr std::array<std::string_view, 4> names{"fp32", "bf16", "fp16", "fp8"};
    return names[static_cast<std::size_t>(type)];
}

DType dtype_from(std::string_view name, std::span<DType const> choices) {
    std::vector<std::string_view> known;
    for (DType const type : choices)
        if (name == known.emplace_back(name_of(type))) return type;
    throw InputError(fmt::format("'{}' is no element type here (known: {}). Choose one", name,
                                 fmt::join(known, ", ")));
}

}  // namespace epsim
