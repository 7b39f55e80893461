#include "model/names.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.hpp"

namespace epsim {

template <NamedEnum E>
E enum_from(std::string_view name) {
    auto const& names = enum_names<E>;
    auto const found = std::ranges::find(names, name);
    if (found == names.end())
        throw InputError(
            fmt::format("'{}' is unknown (known: {}). Choose one", name, fmt::join(names, ", ")));
    return static_cast<E>(found - names.begin());
}

template Activation enum_from<Activation>(std::string_view);
template Scoring enum_from<Scoring>(std::string_view);
template GroupScore enum_from<GroupScore>(std::string_view);
template Renormalise enum_from<Renormalise>(std::string_view);
template WeightAt enum_from<WeightAt>(std::string_view);

}  // namespace epsim
