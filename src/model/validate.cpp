#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/error.hpp"
#include "model/formulas.hpp"
#include "model/limits.hpp"
#include "model/model_shape.hpp"
#include "model/names.hpp"

namespace epsim {
namespace {

void require_range(std::string_view name, int value, int low, int high) {
    if (value < low || value > high)
        throw InputError(fmt::format("{} = {} is out of range ({} to {}). Correct model.{}", name,
                                     value, low, high, name));
}

void require_positive(std::string_view name, std::optional<double> value) {
    if (value && !(std::isfinite(*value) && *value > 0))
        throw InputError(fmt::format(
            "{} = {} is out of range (a positive number). Correct model.{}", name, *value, name));
}

void validate_sizes(ModelShape const& s) {
    require_range("hidden", s.hidden, 1, max_width);
    require_range("dispatch_hidden", s.dispatch_hidden, 0, max_width);
    require_range("layers", s.layers, 1, max_layers);
    require_range("moe_layers", s.moe_layers, 1, max_layers);
    require_range("num_experts", s.num_experts, 1, max_experts);
    require_range("top_k", s.top_k, 1, max_experts);
    require_range("expert_intermediate", s.expert_intermediate, 1, max_width);
    require_range("shared_experts", s.shared_experts, 0, max_experts);
    require_range("shared_intermediate", s.shared_intermediate, 0, max_width);
    require_range("dense_residual_intermediate", s.dense_residual_intermediate, 0, max_width);
    if (s.top_k > s.num_experts)
        throw InputError(
            fmt::format("top_k = {} exceeds num_experts = {} (each token needs distinct experts). "
                        "Lower model.top_k",
                        s.top_k, s.num_experts));
    if (s.moe_layers > s.layers)
        throw InputError(fmt::format(
            "moe_layers = {} exceeds total_layers = {} (they are some of the model's layers). "
            "Lower model.moe_layers or raise model.total_layers",
            s.moe_layers, s.layers));
    if ((s.shared_experts == 0) != (s.shared_intermediate == 0))
        throw InputError(fmt::format(
            "shared_experts = {} does not go with shared_intermediate = {} (both are 0 or neither "
            "is). Set model.shared_experts and model.shared_intermediate",
            s.shared_experts, s.shared_intermediate));
    if (s.shared_gated && s.shared_experts == 0)
        throw InputError(
            "shared_gated is set without shared experts (there is nothing to gate). "
            "Unset model.shared_gated");
}

void validate_gate(GateSpec const& g, int num_experts, int top_k) {
    require_range("n_group", g.n_group, 1, num_experts);
    require_range("topk_group", g.topk_group, 1, g.n_group);
    if (num_experts % g.n_group != 0)
        throw InputError(
            fmt::format("n_group = {} does not divide num_experts = {} (groups are of one size). "
                        "Correct model.n_group",
                        g.n_group, num_experts));
    if ((g.n_group == 1) != (g.group_score == GroupScore::none))
        throw InputError(fmt::format(
            "group_score = {} does not go with n_group = {} (one group needs no score, several "
            "need one). Set model.group_score",
            name_of(g.group_score), g.n_group));
    if (int const eligible = g.topk_group * (num_experts / g.n_group); top_k > eligible)
        throw InputError(fmt::format(
            "top_k = {} exceeds the {} experts of topk_group = {} groups (a token chooses among "
            "them). Raise model.topk_group",
            top_k, eligible, g.topk_group));
    require_positive("route_scale", g.route_scale);
    require_positive("capacity_factor_train", g.capacity_factor_train);
    require_positive("capacity_factor_eval", g.capacity_factor_eval);
}

}  // namespace

void validate(ModelShape const& s) {
    if (s.name.empty()) throw InputError("the model has no name (it is empty). Set model.name");
    validate_sizes(s);
    validate_gate(s.gate, s.num_experts, s.top_k);
    if (std::ranges::find(weight_formats, s.weight_format) == weight_formats.end())
        throw InputError(fmt::format("weight_format = '{}' is unknown (known: {}). Choose one",
                                     s.weight_format, fmt::join(weight_formats, ", ")));
    require_positive("total_params_billion", s.total_params_billion);
    require_positive("active_params_billion", s.active_params_billion);
    // Throws if the bytes of the whole model are over 2^63, so that no later sum can overflow.
    rank_memory(s, 1, DType::f32);
}

}  // namespace epsim
