#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace epsim {

/// How two samples of launches are taken.
enum class Analysis {
    welch,  ///< as independent samples
    paired  ///< the i-th of A ran beside the i-th of B
};
enum class Better { lower, higher };  ///< times, rates
enum class Verdict { faster, slower, same, ambiguous };

constexpr std::string_view name_of(Analysis analysis) noexcept {
    return analysis == Analysis::welch ? "welch" : "paired";
}
constexpr std::string_view name_of(Verdict verdict) noexcept {
    constexpr std::string_view names[] = {"faster", "slower", "same", "ambiguous"};
    return names[static_cast<std::size_t>(verdict)];
}

/// At least so many launches a side (pairs) for a verdict other than ambiguous.
inline constexpr int64_t launches_for_verdict = 5;

/// How B differs from A. Launches are the unit: what varies within one (passes, iterations) is in
/// its figure already, and repeating it does not make up for a launch (Kalibera and Jones, Rigorous
/// Benchmarking in Reasonable Time, ISMM 2013).
struct Difference {
    int64_t n_a = 0, n_b = 0;  ///< launches
    double ratio;              ///< B / A: exp(mean log B - mean log A), of geometric means
    double ci_low, ci_high;    ///< its 95 % interval
    double low90, high90;      ///< its 90 % interval, for the equivalence test
    double p;                  ///< two-sided, of "the ratio is 1"; not corrected
};

/// Compare the launches of two sides by Student's t on the logs of their figures: ratios do not
/// depend on which side is the base, and disturbances that multiply become symmetric.
///
/// welch: unequal variances, Welch-Satterthwaite degrees of freedom (Welch 1947). paired: of the
/// differences of pairs, n - 1 degrees of freedom. Both hold for interleaved launches on a machine
/// whose speed drifts: drift that both sides share makes Welch's interval wider than need be, never
/// its errors more, while pairs cancel it. But pairs have half the degrees of freedom, which is
/// dear while they are few. Hence scripts/ab.sh pairs launches that measured by turns, and launches
/// apart from 8 a side on. At p < 0.02 a difference of 5 % is found, where launches scatter by 1 %,
/// with probability (Welch, paired) 1.00, 0.99 of 5 launches a side and 1.00, 1.00 of 8; where
/// speed drifts as a random walk of 1 % a launch as well, 0.91, 0.95 of 5 and 0.98, 1.00 of 8
/// (tests/measure/compare_rates_test.cpp draws such launches). Launches that are not interleaved
/// have no protection from drift.
///
/// A figure that is not finite and above 0 makes all but the counts NaN, as do less than 2 launches
/// of a side all but counts and ratio. Sides without any scatter differ with p = 0, or not, p = 1.
/// \throws InputError if pairs are asked for and the sides differ in number
Difference difference(std::span<double const> a, std::span<double const> b, Analysis analysis);

/// Holm's step-down correction (Holm 1979) of a family of p-values: the chance that any true
/// hypothesis has a corrected p below alpha is at most alpha, whatever depends on what. NaN stays
/// NaN and does not count.
std::vector<double> holm(std::span<double const> p);

struct VerdictRule {
    double threshold = 0.03;  ///< the least change that matters
    double alpha = 0.02;      ///< of "there is a difference", after correction: 5 in 208 equal
                              ///< sides may be called different, and a 5 % change must be found
    Better better = Better::lower;
};

/// | what is seen                                                            | verdict        |
/// |---|---|
/// | less than 5 launches of a side, or no interval                          | ambiguous      |
/// | 90 % interval of the ratio inside [1 / (1 + threshold), 1 + threshold]  | same           |
/// | corrected p < alpha, and the ratio outside that range                   | slower, faster |
/// | anything else                                                           | ambiguous      |
///
/// `same` is an equivalence test: two one-sided tests at 5 % (Schuirmann 1987). A true change of
/// the threshold or more is called same with probability 5 % at most, and that all rows which are
/// called so at once are so needs no correction (intersection-union, Berger and Hsu 1996). A
/// difference that is certain but within the threshold is `same`, not slower; where the interval
/// reaches over the threshold too, ambiguous. Of equal sides, `slower` or `faster` comes with
/// probability under alpha over the family, far less where launches scatter by less than the
/// threshold, since the estimate must exceed it too. The rows of the table exclude each other.
Verdict judge(Difference const& difference, double corrected_p, VerdictRule const& rule);

}  // namespace epsim
