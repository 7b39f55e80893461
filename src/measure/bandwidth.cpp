#include "measure/bandwidth.hpp"

#include <limits>

namespace epsim {

Bandwidth bandwidth(Array<int64_t, 2> const& bytes, double seconds) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    if (!(seconds > 0)) return {nan, nan};
    int64_t with_self = 0, without_self = 0;
    for (int64_t r = 0; r < bytes.extent(0); ++r) {
        int64_t sent = 0, received = 0;
        for (int64_t peer = 0; peer < bytes.extent(1); ++peer) {
            sent += bytes(r, peer);
            received += bytes(peer, r);
        }
        with_self = std::max({with_self, sent, received});
        without_self = std::max({without_self, sent - bytes(r, r), received - bytes(r, r)});
    }
    return {static_cast<double>(with_self) / seconds, static_cast<double>(without_self) / seconds};
}

}  // namespace epsim
