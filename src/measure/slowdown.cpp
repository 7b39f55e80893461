#include "measure/slowdown.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "measure/autocorrelation.hpp"
#include "measure/statistics.hpp"
#include "measure/step_times.hpp"

namespace epsim {
namespace {

constexpr double needs_p99 = 299;  // 0.99^299 is the first power below 5 %

double p99_of(std::vector<double> const& times) {
    return effective_count(times) >= needs_p99 ? quantile(times, 0.99)
                                               : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

std::vector<Slowdown> slowdowns(RunRecord const& record) {
    std::vector<int32_t> quiet, loaded;
    for (std::size_t s = 0; s < record.step_loaded.size(); ++s)
        (record.step_loaded[s] != 0 ? loaded : quiet).push_back(static_cast<int32_t>(s));
    auto const iterations = measured_iterations(record);
    std::vector<Slowdown> result;
    for (std::size_t i = 0; i < std::min(quiet.size(), loaded.size()); ++i) {
        auto const times = [&](int32_t step) {
            std::vector<double> seconds;
            for (int64_t const it : iterations[static_cast<std::size_t>(step)])
                seconds.push_back(iteration_time(record, it));
            return seconds;
        };
        auto under = times(quiet[i]), over = times(loaded[i]);
        auto const passes = std::min(under.size(), over.size());
        under.resize(passes);  // an interrupted run has a pass with one of them
        over.resize(passes);
        double const quiet_p99 = p99_of(under), loaded_p99 = p99_of(over);
        result.push_back({.quiet = quiet[i],
                          .loaded = loaded[i],
                          .passes = static_cast<int64_t>(passes),
                          .quiet_p50 = median(under),
                          .loaded_p50 = median(over),
                          .quiet_p99 = quiet_p99,
                          .loaded_p99 = loaded_p99,
                          .p50 = ratio_of_medians(over, under),
                          .p99 = loaded_p99 / quiet_p99});
    }
    return result;
}

}  // namespace epsim
