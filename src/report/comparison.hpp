#pragma once

#include <optional>
#include <string>
#include <vector>

#include "measure/compare.hpp"
#include "report/case_match.hpp"
#include "report/launch.hpp"

namespace epsim {

struct ComparisonOptions {
    double threshold = 0.03;                    ///< the least change that matters
    double alpha = 0.01;                        ///< of each family of hypotheses
    std::optional<double> gate = std::nullopt;  ///< the least slow-down of a step time that fails
    Analysis analysis = Analysis::welch;
    bool allow_mixed = false;  ///< compare different kinds and tags
};

/// One figure of a case on two sides.
struct ComparedMetric {
    std::string metric;  ///< its name in /summary
    std::string unit;
    std::vector<double> a, b;  ///< of each launch
    Difference difference;
    double corrected_p;  ///< NaN where nothing is tested: too few launches, or no interval
    Verdict verdict;

    bool is_primary() const { return metric == "step_time"; }
};

struct ComparedCase {
    Facts key;                         ///< what tells it from other cases; empty if it is the only
    std::vector<std::string> a, b;     ///< files of the launches
    std::vector<ComparedMetric> rows;  ///< step time first, then throughput, phases, waits
};

/// One side against the first.
struct ComparedSides {
    std::size_t side;  ///< position of the other
    std::vector<ValueDifference> config, provenance;
    std::vector<Facts> only_a, only_b;  ///< cases without a partner
    std::vector<ComparedCase> cases;
    std::vector<std::string> warnings;
};

struct Comparison {
    ComparisonOptions options;
    std::vector<Side> sides;
    std::vector<ComparedSides> pairs;

    /// Whether a step time's verdict is `slower` and its ratio is over 1 + gate.
    bool gate_failed() const;
};

/// Compare each side with the first, case by case and figure by figure.
///
/// Two families of hypotheses, over all cases and sides, each corrected by itself (Holm): step
/// times, for which the comparison is made; and all other figures, which are there to explain them.
/// So step times lose no power to a hundred phases. A false alarm among equal sides has probability
/// alpha at most in each family, and so 2 alpha in both. Throughput of the same tokens is the step
/// time again: one hypothesis, which has its p and is not counted twice.
///
/// \throws InputError for less than two sides, sides without a common case, launches that differ in
/// kind or tags unless that is allowed, a launch that stands in two places, pairs without partners
Comparison compare(std::vector<Side> sides, ComparisonOptions const& options);

}  // namespace epsim
