#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/dtype.hpp"

namespace epsim {

/// What an expert does between its first and its last matrix.
/// Gated ones have three matrices (gate, up: [intermediate, hidden]; down: [hidden, intermediate]),
/// plain ones two (up, down). g and u are the gate's and the up matrix's outputs.
enum class Activation {
    relu,           ///< plain: max(u, 0)
    gelu,           ///< plain: gelu_tanh(u)
    geglu,          ///< gated: gelu_tanh(g) u
    swiglu,         ///< gated: g sigmoid(g) u
    swiglu_clamped  ///< gated, gpt-oss: g' = min(g, 7), u' = clamp(u, -7, 7);
                    ///< g' sigmoid(1.702 g') (u' + 1)
};

constexpr bool is_gated(Activation a) noexcept {
    return a != Activation::relu && a != Activation::gelu;
}

enum class Scoring { softmax, sigmoid, topk_then_softmax, sparsemixer };
enum class GroupScore { none, max, top2_sum };
enum class Renormalise { none, sum, l1 };

/// Where a token's gate weight multiplies: its expert's output, at the token's rank; or its row
/// before it leaves (Llama 4).
enum class WeightAt { source, input };

/// How the model's router turns scores into experts and weights.
struct GateSpec {
    Scoring scoring = Scoring::softmax;
    bool score_bias = false;  ///< a bias that selects but does not weigh
    int n_group = 1;          ///< groups that experts are selected by; 1 = none
    int topk_group = 1;
    GroupScore group_score = GroupScore::none;
    Renormalise renormalise = Renormalise::none;
    double route_scale = 1;
    std::optional<double> capacity_factor_train, capacity_factor_eval;  ///< none = dropless
};

/// One Mixture-of-Experts model, as far as its expert layers go. Sizes in elements.
struct ModelShape {
    std::string name = "custom";
    int hidden = 1024;
    int dispatch_hidden = 0;  ///< width of a row on the wire; 0 = hidden
    int layers = 1;           ///< of the model
    int moe_layers = 1;       ///< of them with experts
    int num_experts = 8;
    int top_k = 2;
    int expert_intermediate = 4096;
    Activation activation = Activation::swiglu;
    int shared_experts = 0;
    int shared_intermediate = 0;          ///< of each shared expert
    bool shared_gated = false;            ///< shared output times sigmoid(w_s . x)
    int dense_residual_intermediate = 0;  ///< a dense FFN beside the experts (Arctic); 0 = none
    WeightAt weight_at = WeightAt::source;
    std::string weight_format = "bf16";  ///< what the published weights use
    GateSpec gate;
    std::optional<double> total_params_billion, active_params_billion;  ///< published
    std::string source;  ///< where these numbers come from
};

/// \throws InputError "problem (reason). What to do" on a shape that no model can have.
void validate(ModelShape const& shape);

}  // namespace epsim
