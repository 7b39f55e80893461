#include "trace/routing_counts.hpp"

#include <algorithm>
#include <numeric>

#include "core/error.hpp"

namespace epsim {
namespace {

int64_t sum(std::span<int64_t const> x) {
    return std::accumulate(x.begin(), x.end(), int64_t{0});
}

/// Shares of `total` in proportion to x, by largest remainder, at most `most` each.
std::vector<int64_t> shares(std::span<int64_t const> x, int64_t total, int64_t most) {
    double const all = static_cast<double>(sum(x));
    std::vector<int64_t> share(x.size());
    std::vector<std::pair<double, std::size_t>> remainder;
    for (std::size_t i = 0; i < x.size(); ++i) {
        double const exact =
            all > 0 ? static_cast<double>(x[i]) / all * static_cast<double>(total) : 0;
        share[i] = std::min(most, static_cast<int64_t>(exact));
        remainder.emplace_back(static_cast<double>(share[i]) - exact, i);
    }
    std::ranges::sort(remainder);
    int64_t left = all > 0 ? total - sum(share) : 0;
    for (bool moved = true; left > 0 && moved;) {
        moved = false;
        for (auto const& [_, i] : remainder)
            if (left > 0 && x[i] > 0 && share[i] < most) {
                ++share[i];
                --left;
                moved = true;
            }
    }
    return share;
}

}  // namespace

RoutingCounts without_empty(RoutingCounts const& counts) {
    RoutingCounts kept{counts.num_experts, {}, 0, counts.sources, {}, counts.top_k};
    std::vector<std::size_t> layers;
    std::vector<int64_t> steps;
    auto const any = [&](int64_t s, std::size_t l) {
        for (int r = 0; r < counts.sources; ++r)
            if (sum(counts.at(s, r, l)) > 0) return true;
        return false;
    };
    for (std::size_t l = 0; l < counts.layer.size(); ++l)
        for (int64_t s = 0; s < counts.steps; ++s)
            if (any(s, l)) {
                layers.push_back(l);
                kept.layer.push_back(counts.layer[l]);
                break;
            }
    for (int64_t s = 0; s < counts.steps; ++s)
        if (std::ranges::any_of(layers, [&](std::size_t l) { return any(s, l); }))
            steps.push_back(s);
    if (steps.empty())
        throw InputError("every count is 0 (no token chose an expert). Use another recording");
    kept.steps = static_cast<int64_t>(steps.size());
    for (auto const s : steps)
        for (int r = 0; r < counts.sources; ++r)
            for (auto const l : layers) {
                auto const row = counts.at(s, r, l);
                kept.count.insert(kept.count.end(), row.begin(), row.end());
            }
    return kept;
}

RoutingCounts scaled_counts(RoutingCounts const& counts, int64_t tokens, int top_k) {
    auto scaled = counts;
    auto const layers = counts.layer.size();
    auto* out = scaled.count.data();
    for (int64_t s = 0; s < counts.steps; ++s) {
        std::vector<int64_t> fullest(static_cast<std::size_t>(counts.sources));
        for (int r = 0; r < counts.sources; ++r)
            for (std::size_t l = 0; l < layers; ++l)
                fullest[static_cast<std::size_t>(r)] =
                    std::max(fullest[static_cast<std::size_t>(r)], sum(counts.at(s, r, l)));
        auto const of_source = shares(fullest, tokens, tokens);
        for (int r = 0; r < counts.sources; ++r)
            for (std::size_t l = 0; l < layers; ++l) {
                auto const n = of_source[static_cast<std::size_t>(r)];
                for (auto const c : shares(counts.at(s, r, l), n * top_k, n)) *out++ = c;
            }
    }
    return scaled;
}

}  // namespace epsim
