#include "core/cast.hpp"

#include <fmt/format.h>

namespace epsim {

int64_t checked_multiply(int64_t a, int64_t b, char const* what) {
    int64_t product = 0;
    if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product))
        throw InputError(fmt::format(
            "{} is out of range ({} x {} is negative or over 2^63). Check the sizes", what, a, b));
    return product;
}

}  // namespace epsim
