#pragma once

#include <span>
#include <vector>

namespace epsim {

/// Weights over their sum, from their logarithms; none overflows, the smallest may vanish. [n]
std::vector<double> shares(std::span<double const> log_weight);

/// The t at which k of n items that arrive as independent Poisson processes of these rates are
/// expected to have come: sum_i (1 - exp(-share_i t)) = k. Infinite if k = n, or if so few shares
/// are above zero.
double exposure(std::span<double const> share, int draws);

/// P(item is among k distinct ones, drawn one after the other by weight). Successive sampling takes
/// the k first arrivals of such processes (Rosen, Ann. Math. Stat. 43, 1972), so this is
///     integral of share exp(-share t) P(fewer than k of the others have come by t) dt,
/// by the trapezoid rule in ln t, the others' count by convolution: O(n k) for each of some 200
/// points. Relative error below 1e-4. For n k > 2^20 its limit for many draws, 1 - exp(-share
/// exposure).
double inclusion(std::span<double const> share, std::size_t item, int draws);

}  // namespace epsim
