#include "model/published.hpp"

#include "model/formulas.hpp"

namespace epsim {

PublishedCheck check_published(ModelShape const& shape) {
    auto const billions = [](int64_t params) { return static_cast<double>(params) / 1e9; };
    PublishedCheck check;
    if (shape.total_params_billion)
        check.total_share = billions(total_expert_params(shape)) / *shape.total_params_billion;
    if (shape.active_params_billion)
        check.active_share = billions(active_layer_params(shape)) / *shape.active_params_billion;
    return check;
}

bool consistent(PublishedCheck const& check) noexcept {
    auto const& [total, active] = check;
    bool const total_fits = !total || (*total >= least_total_share && *total <= most_total_share);
    return total_fits && (!active || *active < 1);
}

}  // namespace epsim
