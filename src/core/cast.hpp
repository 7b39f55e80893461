#pragma once

#include <cstdint>
#include <source_location>
#include <utility>

#include "core/error.hpp"

namespace epsim {

/// Convert between integer types. \throws Error if the value does not fit.
template <class To, class From>
constexpr To narrow(From value, std::source_location where = std::source_location::current()) {
    if (!std::in_range<To>(value)) check(false, "an integer does not fit its type", where);
    return static_cast<To>(value);
}

/// a * b for sizes. \throws InputError if it overflows ("size is absurd").
int64_t checked_multiply(int64_t a, int64_t b, char const* what);

}  // namespace epsim
