#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "gate/logits.hpp"

namespace epsim {

/// What health figures are made of, of one step and layer: sums over tokens, so that those of
/// several ranks add up.
struct RoutingSums {
    int64_t tokens = 0;
    std::vector<int64_t> chosen;      ///< [E] assignments, before any is dropped
    std::vector<int64_t> first;       ///< [E] of them first choices
    std::vector<double> probability;  ///< [E] of p = softmax(x); NaN without logits
    std::vector<double> importance;   ///< [E] of gate weights, before any is dropped
    double squared_lse = 0;           ///< of logsumexp(x)^2; NaN without logits
    double entropy = 0;               ///< of -sum p ln p; NaN without logits
    double weight = 0;                ///< of all gate weights
};

/// \param logits of the same tokens; none = not known
RoutingSums routing_sums(RoutingBatch const& chosen, Logits const& logits, int experts);

/// Figures of a router's health. T tokens, E experts, top-k, c_i assignments, g_i first choices,
/// P_i = mean p_i. NaN = not known (without logits).
enum class Health {
    balance_loss,            ///< E sum_i c_i / (k T) P_i: 1 when balanced. Switch (eq. 4),
                             ///< Megatron-Core, DeepSeek (sequence-wise)
    balance_loss_hf,         ///< E sum_i c_i / T P_i: k when balanced. transformers, Mixtral
    balance_loss_deepspeed,  ///< E sum_i g_i / T P_i: 1 when balanced. DeepSpeed, Tutel
    balance_loss_fairscale,  ///< mean_i(g_i / T P_i): 1 / E^2 when balanced. FairScale
    z_loss,                  ///< mean_t logsumexp(x)^2 (Zoph et al. 2022)
    importance_cv2,          ///< variance / mean^2 of the summed gate weights (Shazeer et al. 2017)
    load_cv2,                ///< the same of c_i
    load_entropy,            ///< -sum q ln q / ln E of q_i = c_i / sum c: 1 when balanced
    router_entropy,          ///< mean_t -sum p ln p / ln E: 1 = the router has no opinion
    dropped_weight,          ///< share of the gate weights that was dropped
    capacity                 ///< assignments that all experts together accept
};
inline constexpr std::array<std::string_view, 11> health_names{"balance_loss",
                                                               "balance_loss_hf",
                                                               "balance_loss_deepspeed",
                                                               "balance_loss_fairscale",
                                                               "z_loss",
                                                               "importance_cv2",
                                                               "load_cv2",
                                                               "load_entropy",
                                                               "router_entropy",
                                                               "dropped_weight",
                                                               "capacity"};

/// [health_names] of sums over all ranks.
/// \param dropped_weight of all dropped assignments   \param capacity NaN = without limit
std::vector<double> health_figures(RoutingSums const& sums, int top_k, double dropped_weight,
                                   double capacity);

}  // namespace epsim
