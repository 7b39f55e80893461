#include "placement/greedy.hpp"

#include <numeric>

#include "placement/arrangement.hpp"
#include "placement/packing.hpp"

namespace epsim {
Slots greedy_slots(LayerProblem const& problem) {
    std::vector<int> kind(problem.load.size());
    std::iota(kind.begin(), kind.end(), 0);
    auto const bins = balanced_packing(problem.load, kind, even_shares(problem), problem.twins);
    Arrangement arrangement(problem);
    for (int r = 0; r < problem.ranks(); ++r) {
        int slot = problem.first_slot(r);
        for (int const e : bins[static_cast<std::size_t>(r)]) arrangement.set(slot++, ExpertId{e});
    }
    fill_with_replicas(arrangement);
    return arrangement.slots();
}

}  // namespace epsim
