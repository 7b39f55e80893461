#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

namespace epsim {

/// What an exchange by an algorithm took in a trial, median.
struct AlgorithmTime {
    std::string algorithm;
    double seconds;
};

/// What `exchange.algorithm = auto` chose, and why.
struct AlgorithmChoice {
    std::vector<AlgorithmTime> tried;   ///< fastest first; at least one
    std::vector<std::string> left_out;  ///< algorithms that cannot run here, each with the reason

    std::string const& algorithm() const { return tried.front().algorithm; }
    /// "shm (12.30 us an exchange; pairwise 15.10 us, ...)".
    std::string text() const;
    /// Both as provenance.
    void describe(std::map<std::string, std::string>& facts) const;
};

/// The least time wins; of equal ones the first.
AlgorithmChoice choose_algorithm(std::vector<AlgorithmTime> times,
                                 std::vector<std::string> left_out = {});

/// How often each was chosen, by steps: "bruck for 3 of 8 sizes, shm for 5". \param choice [S]
std::string choices_text(std::span<AlgorithmChoice const> choice);

}  // namespace epsim
