#include <iostream>
#include <nlohmann/json.hpp>

#include "measure/autocorrelation.hpp"
#include "measure/bootstrap.hpp"
#include "measure/launches.hpp"
#include "measure/spread.hpp"
#include "measure/statistics.hpp"
#include "measure/stopping_rule.hpp"
#include "measure/student_t.hpp"

using namespace epsim;
using Json = nlohmann::json;

namespace {

Json as_json(Interval const& interval) {
    return {interval.low, interval.high};
}

/// \param times [passes][steps]
Estimate step_time(std::vector<std::vector<double>> const& times) {
    std::vector<PassSamples> steps(times.front().size());
    for (std::size_t p = 0; p < times.size(); ++p)
        for (std::size_t s = 0; s < steps.size(); ++s)
            steps[s].push_back({static_cast<int64_t>(p), times[p][s]});
    return sum_of_medians(steps, 1.0 / static_cast<double>(steps.size()));
}

/// Ask after each pass, as a run does: [passes, reason, low, high]; null if it goes on.
Json stop(StoppingRule const& rule, std::vector<std::vector<double>> times) {
    auto const steps = static_cast<int64_t>(times.front().size());
    for (std::size_t n = 1; n <= times.size(); ++n) {
        Array<double, 2> seen({static_cast<int64_t>(n), steps});
        for (std::size_t p = 0; p < n; ++p)
            std::ranges::copy(times[p], &seen(static_cast<int64_t>(p), 0));
        auto const reason = rule.reason(seen);
        if (reason.empty()) continue;
        times.resize(n);
        auto const interval = step_time(times).interval;
        return {n, reason, interval.low, interval.high};
    }
    return nullptr;
}

Json answer(Json const& ask) {
    std::string const what = ask.at("what");
    Json result = Json::array();
    auto const for_each = [&](char const* of, auto function) {
        for (auto const& item : ask.at(of)) result.push_back(function(item));
    };
    if (what == "autocorrelation_time")
        for_each("series", [](std::vector<double> const& x) { return autocorrelation_time(x); });
    else if (what == "quantile")
        for_each("p", [x = ask.at("samples").get<std::vector<double>>()](double p) {
            return quantile(x, p);
        });
    else if (what == "variance")
        for_each("series", [](std::vector<double> const& x) { return variance(x); });
    else if (what == "t_quantile")
        for_each("points",
                 [](std::array<double, 2> at) { return student_t_quantile(at[0], at[1]); });
    else if (what == "t_cdf")
        for_each("points", [](std::array<double, 2> at) { return student_t_cdf(at[0], at[1]); });
    else if (what == "launches")
        for_each("sets", [level = ask.value("level", 0.95)](std::vector<double> const& x) {
            return as_json(interval_of_launches(x, level));
        });
    else if (what == "spread_of_launches")
        for_each("sets", [](std::array<std::vector<double>, 2> const& x) {
            return spread_of_launches(x[0], x[1]);
        });
    else if (what == "spread_of_run")
        for_each("runs", [](std::vector<std::vector<double>> const& times) {
            auto const spread = spread_of_run(times);
            return Json{spread.within_steps, spread.between_steps};
        });
    else if (what == "step_time")
        for_each("runs", [](std::vector<std::vector<double>> const& times) {
            auto const e = step_time(times);
            return Json{e.value, e.interval.low, e.interval.high, e.n_eff};
        });
    else if (what == "stop")
        for_each(
            "runs",
            [rule = StoppingRule{ask.at("min_passes"), ask.at("max_passes"), ask.at("target_ci")}](
                std::vector<std::vector<double>> const& times) { return stop(rule, times); });
    return result;
}

}  // namespace

/// Answers the requests of test_statistics.py: JSON on stdin, JSON on stdout; NaN becomes null.
int main() {
    std::cout << answer(Json::parse(std::cin)) << '\n';
}
