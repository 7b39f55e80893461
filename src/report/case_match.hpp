#pragma once

#include <string>
#include <vector>

#include "report/launch.hpp"

namespace epsim {

/// A key whose values differ between two sides.
struct ValueDifference {
    std::string key;
    std::vector<std::string> a,
        b;  ///< each side's values, sorted, each once; "-" where it has none
};

/// Keys with other values on one side than on the other, but not those that vary on both: they
/// tell launches apart, not sides. Sorted by key.
std::vector<ValueDifference> differences(std::vector<Facts const*> const& a,
                                         std::vector<Facts const*> const& b);

/// Launches of the same case on two sides.
struct MatchedCase {
    Facts key;  ///< what tells it from the other cases; empty if there is one
    std::vector<Launch const*> a, b;
};

struct CaseMatch {
    std::vector<MatchedCase> cases;
    std::vector<Facts> only_a, only_b;  ///< keys of cases without a partner
};

/// Pool each side's launches by case and find each case's partner. The keys that vary within a side
/// are what tells cases apart: partners agree in all of them. Those that are constant on either
/// side are what the sides are compared for, and may differ. So sides of one case each are
/// partners, whatever differs.
CaseMatch match_cases(Side const& a, Side const& b);

}  // namespace epsim
