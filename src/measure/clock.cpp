#include "measure/clock.hpp"

#include <ctime>

namespace epsim {

double MonotonicClock::now() const {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

}  // namespace epsim
