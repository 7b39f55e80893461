#include "measure/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.hpp"
#include "measure/student_t.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Moments {
    double mean = nan;
    double of_mean = nan;  ///< variance of the mean; NaN for one value
    double freedom = nan;
};

Moments moments(std::span<double const> x) {
    auto const n = static_cast<double>(x.size());
    Moments m;
    m.mean = std::reduce(x.begin(), x.end()) / n;
    m.freedom = n - 1;
    if (x.size() < 2) return m;
    double sum = 0;
    for (double const v : x) sum += (v - m.mean) * (v - m.mean);
    m.of_mean = sum / m.freedom / n;
    return m;
}

/// The difference of two independent means: variances add (Welch 1947).
Moments minus(Moments const& b, Moments const& a) {
    double const variance = a.of_mean + b.of_mean;
    double const freedom = variance * variance /
                           (a.of_mean * a.of_mean / a.freedom + b.of_mean * b.of_mean / b.freedom);
    return {b.mean - a.mean, variance, freedom};
}

void add_intervals(Difference& d, Moments const& log_ratio) {
    constexpr double rounding = 1e-12;
    double const error = std::sqrt(log_ratio.of_mean);
    if (std::isnan(error)) return;
    auto const reach = [&](double level) {
        return error > 0 ? error * student_t_quantile((1 + level) / 2, log_ratio.freedom) : 0.0;
    };
    d.ci_low = std::exp(log_ratio.mean - reach(0.95));
    d.ci_high = std::exp(log_ratio.mean + reach(0.95));
    d.low90 = std::exp(log_ratio.mean - reach(0.90));
    d.high90 = std::exp(log_ratio.mean + reach(0.90));
    if (std::abs(log_ratio.mean) < rounding)
        d.p = 1;
    else
        d.p = error > 0 ? 2 * student_t_cdf(-std::abs(log_ratio.mean) / error, log_ratio.freedom)
                        : 0.0;
}

bool has_log(double x) {
    return std::isfinite(x) && x > 0;
}

std::vector<double> logs(std::span<double const> x) {
    std::vector<double> result;
    for (double const v : x) result.push_back(std::log(v));
    return result;
}

}  // namespace

Difference difference(std::span<double const> a, std::span<double const> b, Analysis analysis) {
    if (analysis == Analysis::paired && a.size() != b.size())
        throw InputError(
            fmt::format("{} launches of one side and {} of the other are no pairs (each needs its "
                        "own). Leave out --paired, or the launches without a partner",
                        a.size(), b.size()));
    Difference d{std::ssize(a), std::ssize(b), nan, nan, nan, nan, nan, nan};
    if (a.empty() || b.empty() || !std::ranges::all_of(a, has_log) ||
        !std::ranges::all_of(b, has_log))
        return d;
    auto const log_a = logs(a), log_b = logs(b);
    Moments log_ratio;
    if (analysis == Analysis::paired) {
        std::vector<double> pairs(log_a.size());
        std::ranges::transform(log_b, log_a, pairs.begin(), std::minus<>{});
        log_ratio = moments(pairs);
    } else {
        log_ratio = minus(moments(log_b), moments(log_a));
    }
    d.ratio = std::exp(log_ratio.mean);
    add_intervals(d, log_ratio);
    return d;
}

std::vector<double> holm(std::span<double const> p) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < p.size(); ++i)
        if (!std::isnan(p[i])) order.push_back(i);
    std::ranges::sort(order, {}, [&](std::size_t i) { return p[i]; });
    std::vector<double> corrected(p.size(), nan);
    double least = 0;
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
        least = std::max(least, static_cast<double>(order.size() - rank) * p[order[rank]]);
        corrected[order[rank]] = std::min(1.0, least);
    }
    return corrected;
}

Verdict judge(Difference const& d, double corrected_p, VerdictRule const& rule) {
    if (std::min(d.n_a, d.n_b) < launches_for_verdict || std::isnan(d.low90))
        return Verdict::ambiguous;
    double const high = 1 + rule.threshold, low = 1 / high;
    if (d.low90 >= low && d.high90 <= high) return Verdict::same;
    bool const outside = d.ratio < low || d.ratio > high;
    if (!outside || !(corrected_p < rule.alpha)) return Verdict::ambiguous;
    return (d.ratio > 1) == (rule.better == Better::lower) ? Verdict::slower : Verdict::faster;
}

}  // namespace epsim
