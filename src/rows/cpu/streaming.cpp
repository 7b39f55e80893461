#include "rows/streaming.hpp"

#include "device/device_query.hpp"

namespace epsim {
namespace {

double last_level_cache_bytes() {
    double const known = query_host().last_level_cache_bytes;
    return known > 0 ? known : 32.0 * (1 << 20);
}

}  // namespace

bool streams(Stores stores, int64_t bytes) {
    if (stores != Stores::automatic) return stores == Stores::streaming;
    static double const cache = last_level_cache_bytes();
    return static_cast<double>(bytes) > cache / 2;
}

}  // namespace epsim
