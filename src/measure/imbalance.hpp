#pragma once

#include <cstdint>
#include <span>

namespace epsim {

/// How unevenly n loads are spread. Other systems use the same words for other things.
struct Imbalance {
    double max_over_mean;  ///< max / mean; 1 = balanced, n = one takes all
    double max_violation;  ///< MaxVio = max / mean - 1
    double balancedness;   ///< mean / max, in (0, 1]
    double cv;             ///< population standard deviation / mean
    double gini;           ///< sum_ij |x_i - x_j| / (2 n^2 mean)
    double entropy;        ///< -sum p ln p / ln n, p = share; 1 = balanced; 1 for n = 1
    double busiest_share;  ///< max / sum
    int64_t idle;          ///< loads that are zero
};

/// All of them; NaN (but `idle`) if the loads sum to zero.
/// \param loads [n] non-negative
Imbalance imbalance(std::span<int64_t const> loads);

}  // namespace epsim
