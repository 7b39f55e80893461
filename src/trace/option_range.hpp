#pragma once

#include <fmt/format.h>

#include <string>

#include "core/error.hpp"

namespace epsim {

/// \throws InputError "name = value is out of range (reason). Correct it" unless it holds
template <class Value>
void require_option(bool holds, char const* name, Value value, std::string const& reason) {
    if (!holds)
        throw InputError(
            fmt::format("{} = {} is out of range ({}). Correct it", name, value, reason));
}

}  // namespace epsim
