#pragma once

#include <functional>
#include <string>
#include <vector>

namespace epsim {

/// Algorithms of which `auto` could make what moves rows, and those of which it could not.
struct Candidates {
    std::vector<std::string> made;
    std::vector<std::string> left_out;  ///< each with the reason: "shm: ..."
};

/// Call make(algorithm) for each. Collective. \param make collective
/// \throws CollectiveError if none can be made, or on any failure but of usage
Candidates make_candidates(std::vector<std::string> const& algorithms,
                           std::function<void(std::string const& algorithm)> const& make);

}  // namespace epsim
