#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "trace/routing.hpp"

namespace epsim {

inline constexpr int most_paired_experts = 4096;  ///< above that pairs are not counted: 128 MB

/// How often two experts are chosen for the same token.
class Coactivation {
public:
    /// \param num_experts at most most_paired_experts
    explicit Coactivation(int num_experts);

    void add(RoutingBatch const& batch);

    int num_experts() const noexcept { return static_cast<int>(n_); }
    /// Tokens that chose both of two experts; 0 for one expert twice.
    int64_t tokens(int a, int b) const {
        return count_[static_cast<std::size_t>(std::min(a, b)) * n_ +
                      static_cast<std::size_t>(std::max(a, b))];
    }

    struct Pair {
        int first = -1, second = -1;  ///< -1: no pair
        int64_t tokens = 0;           ///< that chose both
        double lift = 0;              ///< tokens over what the experts' own pairs let expect
    };
    /// The pair that most tokens chose, the lowest of equals.
    Pair strongest() const;

    /// Total variation distance of the pairs' shares from those of a product with the same number
    /// of pairs an expert: 1/2 sum |c_ij / C - e_ij / S|, e_ij = d_i d_j, d_i = sum_j c_ij,
    /// C = sum c, S = sum e, all over i < j. 0 = experts are chosen as if independently; finite
    /// samples have some. NaN if no token chose two experts.
    double distance() const;

private:
    template <class Visit>
    void each_pair(Visit const& visit) const;

    std::size_t n_;
    std::vector<int64_t> count_;  // [n, n], i < j
    std::vector<int64_t> pairs_;  // [n] of each expert
};

}  // namespace epsim
