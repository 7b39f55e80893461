#include "measure/link_health.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <tuple>

#include "core/error.hpp"
#include "measure/statistics.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::array<std::string_view, 2> classes{"node", "network"};
constexpr int64_t fewest_pairs = 2;  // one slow pair of one says nothing of its rank

/// NaN for none.
double lower_median(std::vector<double>& values) {
    if (values.empty()) return nan;
    auto const middle = values.begin() + (std::ssize(values) - 1) / 2;
    std::ranges::nth_element(values, middle);
    return *middle;
}

class Diagnosis {
public:
    Diagnosis(Array<double, 3> const& seconds, std::span<int32_t const> node)
        : seconds_(seconds),
          node_(node),
          ranks_(std::ssize(node)),
          ratio_({ranks_, ranks_}, nan),
          open_({ranks_, ranks_}) {
        check(seconds.extent(1) == ranks_ && seconds.extent(2) == ranks_,
              "a map of pairs has as many ranks as nodes are known");
    }

    LinkHealth run() {
        LinkHealth health;
        for (std::size_t c = 0; c < classes.size(); ++c)
            if (auto typical = typical_of(c); typical.pairs > 0) {
                compare(c, typical.seconds);
                health.typical.push_back(std::move(typical));
            }
        two_classes_ = health.typical.size() == classes.size();
        while (auto const worst = worst_rank()) {
            for (int64_t r = 0; r < ranks_; ++r) open_(worst->rank, r) = open_(r, worst->rank) = 0;
            health.ranks.push_back(*worst);
        }
        for (int64_t a = 0; a < ranks_; ++a)
            for (int64_t b = a + 1; b < ranks_; ++b)
                if (open_(a, b) && slow(a, b)) health.links.push_back({a, b, ratio_(a, b)});
        std::ranges::stable_sort(health.links, std::greater<>{}, &SickLink::ratio);
        health.ratio = ratio_;
        return health;
    }

private:
    std::size_t class_of(int64_t a, int64_t b) const {
        auto const node = [&](int64_t rank) { return node_[static_cast<std::size_t>(rank)]; };
        return node(a) == node(b) ? 0 : 1;
    }

    TypicalLink typical_of(std::size_t c) const {
        TypicalLink typical{classes[c], 0, {}};
        for (int64_t z = 0; z < seconds_.extent(0); ++z) {
            std::vector<double> of_ranks;
            int64_t ways = 0;
            for (int64_t r = 0; r < ranks_; ++r) {
                std::vector<double> times;
                for (int64_t other = 0; other < ranks_; ++other)
                    if (other != r && class_of(r, other) == c)
                        for (double const s : {seconds_(z, r, other), seconds_(z, other, r)})
                            if (std::isfinite(s)) times.push_back(s);
                ways += std::ssize(times);
                if (double const m = lower_median(times); std::isfinite(m)) of_ranks.push_back(m);
            }
            constexpr int64_t ways_a_pair = 4;  // to and fro, seen from both ranks
            typical.pairs = std::max(typical.pairs, ways / ways_a_pair);
            typical.seconds.push_back(lower_median(of_ranks));
        }
        return typical;
    }

    /// Ratios of the pairs of a class. What is not slower by slow_excess_s counts as typical.
    void compare(std::size_t c, std::vector<double> const& typical) {
        for (int64_t a = 0; a < ranks_; ++a)
            for (int64_t b = 0; b < ranks_; ++b) {
                if (a == b || class_of(a, b) != c) continue;
                for (std::size_t z = 0; z < typical.size(); ++z) {
                    double const s = seconds_(z, a, b);
                    if (!std::isfinite(s)) continue;
                    double const known = std::isnan(ratio_(a, b)) ? 1 : ratio_(a, b);
                    double const excess = s - typical[z];
                    ratio_(a, b) = ratio_(b, a) =
                        std::max(known, excess > slow_excess_s ? s / typical[z] : 1.0);
                    open_(a, b) = open_(b, a) = 1;
                }
            }
    }

    bool slow(int64_t a, int64_t b) const { return ratio_(a, b) > slow_factor; }

    /// A rank's open pairs of a class, or of all: sick if enough of them are slow.
    std::optional<SickRank> sick(int64_t rank, std::string_view links,
                                 std::optional<std::size_t> of_class) const {
        SickRank result{rank, links, 0, 0, nan};
        std::vector<double> ratios;
        for (int64_t other = 0; other < ranks_; ++other) {
            if (!open_(rank, other) || (of_class && class_of(rank, other) != *of_class)) continue;
            ++result.pairs;
            if (slow(rank, other)) ratios.push_back(ratio_(rank, other));
        }
        result.slow = std::ssize(ratios);
        result.ratio = median(ratios);
        bool const most =
            static_cast<double>(result.slow) >= sick_share * static_cast<double>(result.pairs);
        return result.pairs >= fewest_pairs && most ? std::optional(result) : std::nullopt;
    }

    std::optional<SickRank> worst_rank() const {
        std::optional<SickRank> worst;
        auto const order = [](SickRank const& r) { return std::tuple(r.slow, -r.pairs, r.ratio); };
        auto const consider = [&](std::optional<SickRank> const& one) {
            if (one && (!worst || order(*one) > order(*worst))) worst = one;
        };
        for (int64_t r = 0; r < ranks_; ++r) {
            for (std::size_t c = 0; two_classes_ && c < classes.size(); ++c)
                consider(sick(r, classes[c], c));
            consider(sick(r, "all", std::nullopt));
        }
        return worst;
    }

    Array<double, 3> const& seconds_;
    std::span<int32_t const> node_;
    int64_t ranks_;
    bool two_classes_ = false;  // have pairs
    Array<double, 2> ratio_;    // as LinkHealth's
    Array<uint8_t, 2> open_;    // measured, and no named rank accounts for it
};

}  // namespace

std::vector<int32_t> nodes_of_ranks(RunRecord const& record) {
    std::vector<int32_t> node;
    for (auto const& place : record.topology) node.push_back(place.node);
    return node;
}

bool is_pair_map(RunRecord const& record) {
    return std::ranges::find(record.tags, "pairs") != record.tags.end() &&
           record.size.size() == 2 && !record.link_seconds.empty();
}

LinkHealth diagnose_links(Array<double, 3> const& seconds, std::span<int32_t const> node) {
    return Diagnosis(seconds, node).run();
}

}  // namespace epsim
