#include "placement/packing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "core/error.hpp"

namespace epsim {
namespace {

constexpr int none = -1;

class Packer {
public:
    Packer(std::span<double const> load, std::span<int const> kind, std::span<int const> capacity,
           Twins twins)
        : load_(load),
          kind_(kind),
          capacity_(capacity),
          twins_(twins),
          bins_(capacity.size()),
          bin_load_(capacity.size()) {}

    std::vector<std::vector<int>> pack() {
        std::vector<int> order(load_.size());
        std::iota(order.begin(), order.end(), 0);
        bool const one_each = order.size() == capacity_.size() &&
                              std::ranges::all_of(capacity_, [](int c) { return c == 1; });
        if (!one_each)
            std::ranges::stable_sort(order, std::greater{}, [&](int i) { return load_of(i); });
        for (int const item : order) {
            int const bin = one_each ? item : lightest(item);
            bin == none ? make_room(item) : put(item, static_cast<std::size_t>(bin));
        }
        return std::move(bins_);
    }

private:
    double load_of(int item) const { return load_[static_cast<std::size_t>(item)]; }
    int kind_of(int item) const { return kind_[static_cast<std::size_t>(item)]; }
    bool full(std::size_t bin) const { return std::ssize(bins_[bin]) == capacity_[bin]; }
    bool has(std::size_t bin, int kind) const {
        return twins_ == Twins::forbidden &&
               std::ranges::any_of(bins_[bin], [&](int i) { return kind_of(i) == kind; });
    }
    void put(int item, std::size_t bin) {
        bins_[bin].push_back(item);
        bin_load_[bin] += load_of(item);
    }
    int lightest(int item) const {
        int best = none;
        for (std::size_t b = 0; b < bins_.size(); ++b)
            if (!full(b) &&
                (best == none || bin_load_[b] < bin_load_[static_cast<std::size_t>(best)]) &&
                !has(b, kind_of(item)))
                best = static_cast<int>(b);
        return best;
    }
    /// Every bin with room has the item's kind: another item goes there, this one in its place.
    void make_room(int item) {
        std::size_t from = 0, to = 0, place = 0;
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t d = 0; d < bins_.size(); ++d) {
            if (full(d)) continue;
            for (std::size_t b = 0; b < bins_.size(); ++b) {
                if (has(b, kind_of(item))) continue;
                for (std::size_t i = 0; i < bins_[b].size(); ++i) {
                    int const other = bins_[b][i];
                    double const most = std::max(bin_load_[b] - load_of(other) + load_of(item),
                                                 bin_load_[d] + load_of(other));
                    if (most >= least || has(d, kind_of(other))) continue;
                    least = most;
                    from = b, to = d, place = i;
                }
            }
        }
        if (from == to)
            throw InputError(
                "the replicas of an expert cannot be kept on different ranks (slots are too "
                "uneven). Use another number of slots");
        int const other = std::exchange(bins_[from][place], item);
        bin_load_[from] += load_of(item) - load_of(other);
        put(other, to);
    }

    std::span<double const> load_;
    std::span<int const> kind_, capacity_;
    Twins twins_;
    std::vector<std::vector<int>> bins_;
    std::vector<double> bin_load_;
};

}  // namespace

std::vector<int> make_replicas(std::span<double const> load, int slots, int most) {
    auto const experts = static_cast<int64_t>(load.size());
    if (slots < experts)
        throw InputError(
            fmt::format("{} slots for {} experts (each expert needs one). Use at least {} slots",
                        slots, experts, experts));
    if (slots > experts * most)
        throw InputError(
            fmt::format("{} slots for {} experts (at most {} replicas of each can be kept apart). "
                        "Use at most {} slots",
                        slots, experts, most, experts * most));
    std::vector<int> replicas(load.size()), count(load.size(), 1);
    std::iota(replicas.begin(), replicas.end(), 0);
    using Share = std::pair<double, int>;  // of equal ones the lowest expert first
    auto const after = [](Share const& a, Share const& b) {
        return a.first < b.first || (a.first == b.first && a.second > b.second);
    };
    std::vector<Share> heap;
    for (int e = 0; e < experts; ++e) heap.emplace_back(load[static_cast<std::size_t>(e)], e);
    std::ranges::make_heap(heap, after);
    while (std::ssize(replicas) < slots) {
        std::ranges::pop_heap(heap, after);
        auto& [share, e] = heap.back();
        auto const at = static_cast<std::size_t>(e);
        if (count[at] == most) {
            heap.pop_back();
            continue;
        }
        replicas.push_back(e);
        share = load[at] / ++count[at];
        std::ranges::push_heap(heap, after);
    }
    return replicas;
}

std::vector<int> even_shares(LayerProblem const& problem) {
    std::vector<int> share(static_cast<std::size_t>(problem.ranks()));
    for (int left = problem.experts(); left > 0;)
        for (int r = 0; r < problem.ranks() && left > 0; ++r)
            if (auto& mine = share[static_cast<std::size_t>(r)]; mine < problem.capacity(r)) {
                ++mine;
                --left;
            }
    return share;
}

std::vector<std::vector<int>> balanced_packing(std::span<double const> load,
                                               std::span<int const> kind,
                                               std::span<int const> capacity, Twins twins) {
    return Packer(load, kind, capacity, twins).pack();
}

}  // namespace epsim
