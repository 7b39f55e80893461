#include "trace/source_shares.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/rng.hpp"
#include "trace/limits.hpp"
#include "trace/option_range.hpp"
#include "trace/share.hpp"

namespace epsim {
namespace {

std::vector<double> uneven_shares(RoutingOptions const& r) {
    CounterRng const rng(r.seed, RngStream::popularity);
    constexpr uint32_t ragged_words = 3;
    std::vector<double> share;
    for (int s = 0; s < r.sources; ++s) {
        auto const words = rng.words(0, ragged_words, static_cast<uint64_t>(s));
        share.push_back(s == r.empty_source ? 0 : std::exp(r.ragged * normal(words[0], words[1])));
    }
    double const sum = std::accumulate(share.begin(), share.end(), 0.0);
    for (double& w : share) w /= sum;
    return share;
}

/// n tokens by shares, largest remainders first.
std::vector<int64_t> apportion(std::vector<double> const& share, int64_t n) {
    std::vector<int64_t> tokens;
    std::vector<std::size_t> by_remainder;
    int64_t left = n;
    for (double const s : share) {
        by_remainder.push_back(tokens.size());
        tokens.push_back(std::min(left, static_cast<int64_t>(s * static_cast<double>(n))));
        left -= tokens.back();
    }
    std::ranges::stable_sort(by_remainder, std::greater{}, [&](std::size_t s) {
        return share[s] == 0 ? -1
                             : share[s] * static_cast<double>(n) - static_cast<double>(tokens[s]);
    });
    for (std::size_t i = 0; left > 0; ++i, --left) ++tokens[by_remainder[i]];
    return tokens;
}

}  // namespace

SourceShares::SourceShares(RoutingOptions const& r, int64_t tokens) {
    require_option(r.sources >= 1 && r.sources <= most_sources, "routing.sources", r.sources,
                   "it lies in 1 .. 65536");
    require_option(r.ragged >= 0 && r.ragged <= 10, "routing.ragged", r.ragged, "it is 0 to 10");
    require_option(r.empty_source >= -1 && r.empty_source < r.sources, "routing.empty_source",
                   r.empty_source, fmt::format("routing.sources declares {}", r.sources));
    require_option(r.empty_source < 0 || r.sources > 1, "routing.empty_source", r.empty_source,
                   "the only source has all tokens");
    offset_.push_back(0);
    if (r.ragged == 0 && r.empty_source < 0) {
        for (int64_t s = 1; s <= r.sources; ++s)
            offset_.push_back(share_begin(s, tokens, r.sources));
        return;
    }
    for (int64_t const n : apportion(uneven_shares(r), tokens))
        offset_.push_back(offset_.back() + n);
}

int32_t SourceShares::of(int64_t token) const noexcept {
    return static_cast<int32_t>(std::ranges::upper_bound(offset_, token) - offset_.begin() - 1);
}

}  // namespace epsim
