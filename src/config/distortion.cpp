#include "config/distortion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "model/names.hpp"

namespace epsim {

std::string distortion(ModelShape const& preset, ModelShape const& shape) {
    std::vector<std::string> differences;
    auto const compare = [&](char const* key, int then, int now) {
        if (then == now) return;
        auto const ratio = then == 0 ? "" : fmt::format(" (x {:.4g})", double{1} * now / then);
        differences.push_back(fmt::format("{} {} instead of {}{}", key, now, then, ratio));
    };
    compare("num_experts", preset.num_experts, shape.num_experts);
    compare("top_k", preset.top_k, shape.top_k);
    compare("expert_intermediate", preset.expert_intermediate, shape.expert_intermediate);
    compare("shared_experts", preset.shared_experts, shape.shared_experts);
    compare("shared_intermediate", preset.shared_intermediate, shape.shared_intermediate);
    compare("dense_residual_intermediate", preset.dense_residual_intermediate,
            shape.dense_residual_intermediate);
    if (preset.activation != shape.activation)
        differences.push_back(fmt::format("activation {} instead of {}", name_of(shape.activation),
                                          name_of(preset.activation)));
    if (preset.shared_gated != shape.shared_gated)
        differences.push_back(
            fmt::format("shared_gated {} instead of {}", shape.shared_gated, preset.shared_gated));
    return fmt::format("{}", fmt::join(differences, ", "));
}

}  // namespace epsim
