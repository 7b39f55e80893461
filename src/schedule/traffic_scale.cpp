#include "schedule/traffic_scale.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace epsim {

std::vector<int64_t> sweep_sizes(int64_t begin, int64_t end, int64_t factor) {
    if (end < begin)
        throw InputError(fmt::format(
            "sizes.end = {} is less than sizes.begin = {} (no size lies between). Raise sizes.end",
            end, begin));
    if (factor < 2 && end > begin)
        throw InputError(
            fmt::format("sizes.factor = {} never leads from {} to {} bytes (each size is so many "
                        "times the one before). Use at least 2",
                        factor, begin, end));
    std::vector<int64_t> sizes{begin};
    while (sizes.back() < end) {
        int64_t const last = sizes.back();
        if (last > end / factor) break;
        sizes.push_back(last == 0 ? 1 : last * factor);
    }
    return sizes;
}

std::vector<int64_t> whole_rows(std::vector<int64_t> sizes, int64_t row_bytes) {
    for (auto& bytes : sizes) bytes = (bytes + row_bytes - 1) / row_bytes * row_bytes;
    sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
    return sizes;
}

double heaviest(TrafficMatrix const& traffic) {
    double most = 0;
    for (int64_t r = 0; r < traffic.extent(0); ++r) {
        double sent = 0, received = 0;
        for (int64_t other = 0; other < traffic.extent(0); ++other) {
            sent += traffic(r, other);
            received += traffic(other, r);
        }
        most = std::max({most, sent, received});
    }
    return most;
}

Array<int64_t, 2> scaled_rows(TrafficMatrix const& traffic, int64_t bytes, int64_t row_bytes) {
    int64_t const ranks = traffic.extent(0);
    auto const most = heaviest(traffic);
    auto const rows_of_most = static_cast<double>(bytes / row_bytes);
    Array<int64_t, 2> rows({ranks, ranks});
    for (int64_t source = 0; source < ranks; ++source) {
        double sum = 0;
        int64_t before = 0;
        for (int64_t i = 0; i < ranks; ++i) {
            int64_t const to = (source + i) % ranks;
            if (traffic(source, to) == 0) continue;
            sum += traffic(source, to);
            // Not divided first: where weights are whole numbers, the products are exact.
            int64_t const until = std::llround(sum * rows_of_most / most);
            rows(source, to) = until - before;
            before = until;
        }
    }
    return rows;
}

}  // namespace epsim
