#include "measure/spread.hpp"

#include <cmath>
#include <limits>

#include "measure/statistics.hpp"

namespace epsim {

RunSpread spread_of_run(std::vector<std::vector<double>> const& times_of_step) {
    std::vector<double> means;
    double relative = 0, degrees = 0, of_means = 0;
    for (auto const& times : times_of_step) {
        if (times.empty()) continue;
        means.push_back(mean(times));
        if (times.size() < 2) continue;
        auto const n = static_cast<double>(times.size());
        double const squared = variance(times);
        relative += (n - 1) * squared / (means.back() * means.back());
        degrees += n - 1;
        of_means += squared / n;
    }
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    RunSpread spread{degrees > 0 ? std::sqrt(relative / degrees) : nan, nan};
    if (means.size() < 2 || !(degrees > 0)) return spread;
    double const between = variance(means) - of_means / static_cast<double>(means.size());
    spread.between_steps = between < 0 ? 0 : std::sqrt(between) / mean(means);
    return spread;
}

}  // namespace epsim
