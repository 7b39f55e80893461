#include "trace/popularity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "trace/gamma.hpp"
#include "trace/inclusion.hpp"
#include "trace/option_range.hpp"
#include "trace/share.hpp"

namespace epsim {
namespace {

/// f(p) for the places p = 1 .. E.
template <class Function>
std::vector<double> by_place(PopularityCase const& c, Function const& f) {
    std::vector<double> log_weight;
    for (int place = 1; place <= c.num_experts; ++place) log_weight.push_back(f(place));
    return log_weight;
}

double quantile_of(int place, PopularityCase const& c) {
    return (c.num_experts - place + 0.5) / c.num_experts;
}

/// The argument in [low, high] at which an increasing function reaches a value.
template <class Function>
double solve(Function const& f, double value, double low, double high) {
    while (high - low > 1e-7 * std::max(1.0, std::abs(high))) {
        double const middle = (low + high) / 2;
        (f(middle) < value ? low : high) = middle;
    }
    return high;
}

std::vector<double> uniform(PopularityCase const& c) {
    return by_place(c, [](int) { return 0.0; });
}

std::vector<double> zipf(PopularityCase const& c) {
    double const s = c.routing.zipf_s;
    require_option(std::isfinite(s) && s >= 0, "routing.zipf_s", s, "0 is uniform, 1 is usual");
    return by_place(c, [s](int place) { return -s * std::log(place); });
}

std::vector<double> power_law(PopularityCase const& c) {
    double const alpha = c.routing.power_law_alpha, range = c.routing.power_law_range;
    require_option(alpha >= 0 && alpha <= 10, "routing.power_law_alpha", alpha, "it is 0 to 10");
    require_option(range >= 1 && range <= 1e12, "routing.power_law_range", range,
                   "it is 1 to 1e12");
    double const power = 1 - alpha;
    return by_place(c, [&](int place) {
        double const u = quantile_of(place, c);
        if (std::abs(power) < 1e-9) return u * std::log(range);
        return std::log1p(u * std::expm1(power * std::log(range))) / power;
    });
}

double normal_quantile(double p) {
    return solve([](double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }, p, -9, 9);
}

/// max / mean - 1 of the expected loads.
double expected_vio(std::vector<double> const& log_weight, int top_k) {
    auto const n = static_cast<double>(log_weight.size());
    return n / top_k * inclusion(shares(log_weight), 0, top_k) - 1;
}

std::vector<double> log_normal(PopularityCase const& c) {
    double const sigma = c.routing.sigma, vio = c.routing.max_vio;
    require_option(sigma >= 0 && sigma <= 50, "routing.sigma", sigma, "it is 0 to 50");
    double const most = static_cast<double>(c.num_experts) / c.top_k - 1;
    require_option(vio >= 0 && (vio == 0 || vio < most), "routing.max_vio", vio,
                   fmt::format("0 = by routing.sigma; the busiest of {} experts exceeds the mean "
                               "by less than {} times, when each token has it among its {}",
                               c.num_experts, most, c.top_k));
    auto const quantile =
        by_place(c, [&](int place) { return normal_quantile(quantile_of(place, c)); });
    auto const scaled = [&](double by) {
        auto weights = quantile;
        for (double& w : weights) w *= by;
        return weights;
    };
    if (vio == 0) return scaled(sigma);
    return scaled(solve([&](double s) { return expected_vio(scaled(s), c.top_k); }, vio, 0, 50));
}

std::vector<double> dirichlet(PopularityCase const& c) {
    double const alpha = c.routing.dirichlet_alpha;
    require_option(alpha >= 1e-3 && alpha <= 1e6, "routing.dirichlet_alpha", alpha,
                   "it is 0.001 to 1e6");
    CounterRng const rng(c.routing.seed, RngStream::popularity);
    auto log_weight = by_place(c, [&](int place) {
        return log_gamma_draw(alpha, rng, static_cast<uint32_t>(index(c.layer)),
                              static_cast<uint32_t>(place));
    });
    std::ranges::sort(log_weight, std::greater{});
    return log_weight;
}

/// Of E weights, the first n are e^height, the others 1.
std::vector<double> plateau(PopularityCase const& c, int n, double height) {
    return by_place(c, [&](int place) { return place <= n ? height : 0.0; });
}

std::vector<double> hot(PopularityCase const& c) {
    int const n = hot_count(c), cold = c.num_experts - n;
    double const wanted = c.routing.hot_share * c.top_k;  // hot experts of a token
    bool const possible = c.routing.hot_share >= 0 && wanted <= std::min(n, c.top_k) &&
                          wanted >= std::max(0, c.top_k - cold);
    require_option(possible, "routing.hot_share", c.routing.hot_share,
                   fmt::format("a token has {} distinct experts, of {} hot and {} other ones",
                               c.top_k, n, cold));
    if (cold == 0) return plateau(c, n, 0);
    auto const hot_experts = [&](double height) {
        return n * inclusion(shares(plateau(c, n, height)), 0, c.top_k);
    };
    return plateau(c, n, solve(hot_experts, wanted, -40, 40));
}

}  // namespace

int hot_count(PopularityCase const& c) {
    auto const& r = c.routing;
    if (r.generator == "hot-rank") {
        require_option(r.hot_rank >= 0 && r.hot_rank < r.sources, "routing.hot_rank", r.hot_rank,
                       fmt::format("routing.sources declares {}", r.sources));
        auto const n = share_begin(r.hot_rank + 1, c.num_experts, r.sources) -
                       share_begin(r.hot_rank, c.num_experts, r.sources);
        require_option(n > 0, "routing.hot_rank", r.hot_rank, "that rank has no experts");
        return static_cast<int>(n);
    }
    require_option(r.hot_experts >= 1 && r.hot_experts <= c.num_experts, "routing.hot_experts",
                   r.hot_experts, fmt::format("there are {} experts", c.num_experts));
    return r.hot_experts;
}

std::vector<NamedPopularity> const& popularity_models() {
    static std::vector<NamedPopularity> const models{
        {"uniform", uniform},       {"zipf", zipf},           {"power-law", power_law},
        {"log-normal", log_normal}, {"dirichlet", dirichlet}, {"hot", hot},
        {"hot-rank", hot},          {"spread-hot", hot}};
    return models;
}

}  // namespace epsim
