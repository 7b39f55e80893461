#pragma once

#include <cmath>

namespace epsim {

/// What rounding does to many elements: relative root mean square error,
/// sqrt(sum (rounded - exact)^2 / sum exact^2).
struct RoundingError {
    double squared_error = 0, squared = 0;  ///< sums over elements

    void add(double exact, double rounded) noexcept {
        squared_error += (rounded - exact) * (rounded - exact);
        squared += exact * exact;
    }
    RoundingError& operator+=(RoundingError const& other) noexcept {
        squared_error += other.squared_error;
        squared += other.squared;
        return *this;
    }
    /// 0 where nothing was added, or only zeros that stayed zeros.
    double relative() const noexcept {
        return squared_error == 0 ? 0 : std::sqrt(squared_error / squared);
    }
};

}  // namespace epsim
