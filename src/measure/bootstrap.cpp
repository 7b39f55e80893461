#include "measure/bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <span>

#include "core/error.hpp"
#include "measure/autocorrelation.hpp"
#include "measure/statistics.hpp"
#include "measure/student_t.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr uint64_t seed = 20240229;
constexpr std::size_t most_replicates = 500, least_replicates = 200;
constexpr std::size_t most_work = 100'000'000;  // weighted samples, under a second

/// Where half of the weight lies below and half above, each sample's weight centred on it; between
/// two samples linear. With equal weights the mean of the two middle ones.
/// \param sorted by value, not empty
double weighted_median(PassSamples const& sorted, std::span<double const> weight) {
    double half = 0;
    for (auto const& sample : sorted) half += weight[static_cast<std::size_t>(sample.pass)] / 2;
    double below = 0, at_before = 0, before = sorted.front().value;
    for (auto const& sample : sorted) {
        double const w = weight[static_cast<std::size_t>(sample.pass)];
        double const at = below + w / 2;
        if (at >= half)
            return at > at_before
                       ? std::lerp(before, sample.value, (half - at_before) / (at - at_before))
                       : sample.value;
        below += w;
        at_before = at;
        before = sample.value;
    }
    return before;
}

/// The sum of each pass's samples, in order of time; incomplete passes are left out.
std::vector<double> sums_of_passes(std::vector<PassSamples> const& cells, std::size_t passes) {
    std::vector<double> sum(passes);
    std::vector<int64_t> samples(passes);
    for (auto const& cell : cells)
        for (auto const& sample : cell) {
            sum[static_cast<std::size_t>(sample.pass)] += sample.value;
            ++samples[static_cast<std::size_t>(sample.pass)];
        }
    auto const complete = passes == 0 ? 0 : std::ranges::max(samples);
    std::vector<double> kept;
    for (std::size_t p = 0; p < passes; ++p)
        if (samples[p] == complete) kept.push_back(sum[p]);
    return kept;
}

/// Standard deviation of `figure(weights)` over random weights of the passes.
template <class Figure>
double bootstrap_error(std::size_t samples, std::size_t passes, Figure&& figure) {
    std::vector<double> values(std::clamp(most_work / samples, least_replicates, most_replicates));
    std::mt19937_64 random(seed);
    std::vector<double> weight(passes);
    for (double& value : values) {
        for (double& w : weight)  // uniform in (0, 1], so that the logarithm is finite
            w = -std::log(static_cast<double>((random() >> 11) + 1) * 0x1p-53);
        value = figure(std::span<double const>(weight));
    }
    return std::sqrt(variance(values));
}

/// Give an estimate its interval. \param relative_error of independent passes
void widen(Estimate& estimate, double relative_error, double level) {
    estimate.relative_error = relative_error * std::sqrt(estimate.tau);
    double const t = student_t_quantile((1 + level) / 2, estimate.n_eff - 1);
    double const stretch = std::exp(t * estimate.relative_error);
    estimate.interval = {estimate.value / stretch, estimate.value * stretch};
}

PassSamples sorted_samples(std::span<double const> values) {
    PassSamples samples;
    for (double const value : values) samples.push_back({std::ssize(samples), value});
    std::ranges::sort(samples, {}, &PassSample::value);
    return samples;
}

}  // namespace

Estimate sum_of_medians(std::vector<PassSamples> const& cells, double factor, double level) {
    check(level > 0 && level < 1, "a confidence level lies in (0, 1)");
    std::vector<PassSamples> sorted;
    std::size_t passes = 0;
    for (auto const& cell : cells) {
        if (cell.empty()) continue;
        sorted.push_back(cell);
        std::ranges::sort(sorted.back(), {}, &PassSample::value);
        for (auto const& sample : cell)
            passes = std::max(passes, static_cast<std::size_t>(sample.pass) + 1);
    }
    if (sorted.empty()) return {};

    std::size_t samples = 0;
    for (auto const& cell : sorted) samples += cell.size();
    auto const sum_of = [&](std::span<double const> weight) {
        double sum = 0;
        for (auto const& cell : sorted) sum += weighted_median(cell, weight);
        return sum;
    };
    double const sum = sum_of(std::vector<double>(passes, 1.0));
    auto const series = sums_of_passes(sorted, passes);
    double const tau = autocorrelation_time(series);
    Estimate estimate{factor * sum, nan, tau, static_cast<double>(series.size()) / tau, {}};
    if (estimate.n_eff < passes_for_median || !(sum > 0)) return estimate;

    widen(estimate, bootstrap_error(samples, passes, sum_of) / sum, level);
    return estimate;
}

Estimate ratio_of_medians(std::span<double const> over, std::span<double const> under,
                          double level) {
    check(level > 0 && level < 1, "a confidence level lies in (0, 1)");
    check(over.size() == under.size(), "a ratio of medians needs as many samples of both");
    if (over.empty()) return {};
    auto const passes = over.size();
    auto const top = sorted_samples(over), bottom = sorted_samples(under);
    if (top.front().value <= 0 || bottom.front().value <= 0) return {};
    auto const log_ratio = [&](std::span<double const> weight) {
        return std::log(weighted_median(top, weight) / weighted_median(bottom, weight));
    };
    std::vector<double> series;
    for (std::size_t p = 0; p < passes; ++p) series.push_back(std::log(over[p] / under[p]));
    double const tau = autocorrelation_time(series);
    Estimate estimate{std::exp(log_ratio(std::vector<double>(passes, 1.0))),
                      nan,
                      tau,
                      static_cast<double>(passes) / tau,
                      {}};
    if (estimate.n_eff >= passes_for_median)
        widen(estimate, bootstrap_error(2 * passes, passes, log_ratio), level);
    return estimate;
}

}  // namespace epsim
