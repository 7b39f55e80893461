#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

namespace epsim {

/// Finds the largest of some scores. Memory is reused from call to call.
class TopK {
public:
    /// Positions of the k largest, descending; of equal ones the lowest position first.
    /// Valid until the next call.
    std::span<int const> largest(std::span<float const> score, int k) {
        order_.resize(score.size());
        std::iota(order_.begin(), order_.end(), 0);
        auto const at = [&](int i) { return score[static_cast<std::size_t>(i)]; };
        std::partial_sort(order_.begin(), order_.begin() + k, order_.end(),
                          [&](int a, int b) { return at(a) > at(b) || (at(a) == at(b) && a < b); });
        return std::span<int const>(order_).first(static_cast<std::size_t>(k));
    }

private:
    std::vector<int> order_;
};

}  // namespace epsim
