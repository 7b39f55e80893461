#include "placement/optimal.hpp"

#include "core/error.hpp"

namespace epsim {

bool has_solver() noexcept {
    return false;
}

Slots optimal_slots(LayerProblem const&, double) {
    throw InputError(
        "strategy optimal: built without a solver (COIN-OR CBC was not found). Install "
        "coinor-libcbc-dev and configure again, or use strategy search");
}

}  // namespace epsim
