#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "gate/capacity.hpp"
#include "gate/overflow.hpp"
#include "model/names.hpp"

namespace epsim {

/// Which gate turns logits into experts.
enum class GateKind {
    none,   ///< none runs: the routing is the trace's or the generator's
    model,  ///< what the model's scoring says
    softmax,
    topk_softmax,
    sigmoid,
    sqrt_softplus,
    switch_transformer,
    gshard,
    gshard_sampled,
    noisy_topk,
    expert_choice,
    sparsemixer,
    hash,
    sinkhorn,
    top_p,
    dense,
    hierarchical
};

template <>
inline constexpr std::array<std::string_view, 17> enum_names<GateKind>{
    "none",   "model",    "softmax",        "topk-softmax", "sigmoid",       "sqrt-softplus",
    "switch", "gshard",   "gshard-sampled", "noisy-topk",   "expert-choice", "sparsemixer",
    "hash",   "sinkhorn", "top-p",          "dense",        "hierarchical"};
template <>
inline constexpr std::array<std::string_view, 6> enum_names<CapacityPolicy>{
    "none", "deepspeed", "megatron", "tutel", "fairscale", "switch"};
template <>
inline constexpr std::array<std::string_view, 4> enum_names<AcceptOrder>{
    "position", "probability", "random", "batch-prioritised"};
template <>
inline constexpr std::array<std::string_view, 3> enum_names<Reroute>{"none", "next-best", "random"};

/// [routing], what a gate and the experts' capacity make of it.
struct GateOptions {
    GateKind gate = GateKind::none;
    std::string logits = "hidden";  ///< hidden | drawn | a .npy file, {layer} in its name replaced
    double jitter = 0;              ///< of Switch (0.01 in training) and sparsemixer (0.01)
    double top_p = 0.5;             ///< share of the probability that adaptive k gathers
    int most_choices = 0;           ///< of a token under expert choice; 0 = all experts
    double bias_rate = 1e-3;        ///< of aux-loss-free balancing, where the model has a bias
    CapacityPolicy capacity_policy = CapacityPolicy::none;
    std::optional<double> capacity_factor;  ///< none = the model's in evaluation, else 1
    AcceptOrder overflow = AcceptOrder::position;
    Reroute reroute = Reroute::none;
    bool capacity_per_source = false;
    int budget_ranks = 0;  ///< 0 = each expert has a capacity of its own

    bool logits_from_file() const { return logits != "hidden" && logits != "drawn"; }
};

}  // namespace epsim
