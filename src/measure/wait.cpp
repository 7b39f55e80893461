#include "measure/wait.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace epsim {

std::vector<double> waits(std::vector<double> const& in, std::vector<double> const& out,
                          Array<uint8_t, 2> const& needs, std::vector<double> const& error) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> result(in.size(), nan);
    for (std::size_t r = 0; r < in.size(); ++r) {
        if (!std::isfinite(in[r]) || !std::isfinite(out[r])) continue;
        std::size_t last = r;  // the rank that it waits for longest
        for (std::size_t s = 0; s < in.size(); ++s)
            if (needs(r, s) && in[s] > in[last]) last = s;
        double const wait = std::max(0.0, std::min(out[r], in[last]) - in[r]);
        double const blind = last == r ? 0 : 3 * std::max(error[r], error[last]);
        if (wait >= blind) result[r] = wait;
    }
    return result;
}

}  // namespace epsim
