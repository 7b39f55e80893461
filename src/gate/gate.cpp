#include "gate/gate.hpp"

#include <fmt/format.h>

#include "core/error.hpp"
#include "gate/batch_gates.hpp"
#include "gate/random_gates.hpp"
#include "gate/top_k_gates.hpp"
#include "gate/varied_gates.hpp"

namespace epsim {
namespace {

GateKind kind_of(Scoring scoring) {
    switch (scoring) {
        case Scoring::softmax:
            return GateKind::softmax;
        case Scoring::sigmoid:
            return GateKind::sigmoid;
        case Scoring::topk_then_softmax:
            return GateKind::topk_softmax;
        case Scoring::sparsemixer:
            return GateKind::sparsemixer;
    }
    return GateKind::none;
}

bool scores_experts(GateKind kind) {
    return kind == GateKind::softmax || kind == GateKind::sigmoid ||
           kind == GateKind::sqrt_softplus;
}

void require(bool holds, GateRule const& rule, char const* reason, char const* what_to_do) {
    if (!holds)
        throw InputError(fmt::format("routing.gate = {} does not go with the model ({}). {}",
                                     name_of(rule.kind), reason, what_to_do));
}

RoutingBatch hash(GateRule const& rule, GateInput const& in) {
    check(in.token_id.size() == in.tokens.size(), "every token has an id");
    std::vector<ExpertId> rows;
    for (int32_t const id : in.token_id) {
        auto const row = table_row(rule.seed, in.layer, id, rule.experts, rule.top_k);
        rows.insert(rows.end(), row.begin(), row.end());
    }
    return hash_gate(in.logits, rule.score(), rows, rule.top_k);
}

RoutingBatch hierarchical(GateRule const& rule, GateInput const& in) {
    check_finite(in.logits);
    auto const groups = group_logits(in.logits, rule.spec.n_group);
    return hierarchical_gate({groups, rule.spec.n_group}, in.logits, rule.spec.topk_group,
                             rule.top_k / rule.spec.topk_group);
}

RoutingBatch scored(GateRule const& rule, GateInput const& in) {
    auto const& spec = rule.spec;
    Weighing const weighing{spec.renormalise != Renormalise::none, spec.route_scale};
    if (rule.kind == GateKind::softmax && in.bias.empty() && spec.n_group == 1)
        return softmax_gate(in.logits, rule.top_k, weighing);
    return biased_gate(in.logits, rule.top_k, rule.score(), in.bias, weighing,
                       {spec.n_group, spec.topk_group, spec.group_score});
}

}  // namespace

int GateRule::choices() const noexcept {
    if (kind == GateKind::dense) return experts;
    if (kind == GateKind::expert_choice)
        return options.most_choices > 0 ? std::min(options.most_choices, experts) : experts;
    return top_k;
}

Score GateRule::score() const noexcept {
    if (kind == GateKind::sqrt_softplus) return Score::sqrt_softplus;
    bool const sigmoid = kind == GateKind::sigmoid || (kind == GateKind::sinkhorn && top_k == 1);
    return sigmoid ? Score::sigmoid : Score::softmax;
}

bool GateRule::has_bias() const noexcept {
    return scores_experts(kind) && spec.score_bias;
}

GateRule make_gate_rule(GateOptions const& options, ModelShape const& shape, uint64_t seed) {
    GateRule rule{options.gate == GateKind::model ? kind_of(shape.gate.scoring) : options.gate,
                  shape.num_experts,
                  shape.top_k,
                  shape.gate,
                  options,
                  seed};
    bool const two = rule.kind == GateKind::gshard || rule.kind == GateKind::gshard_sampled;
    require(!two || shape.top_k == 2, rule, "it chooses two experts", "Set model.top_k = 2");
    require(rule.kind != GateKind::switch_transformer || shape.top_k == 1, rule,
            "it chooses one expert", "Set model.top_k = 1");
    bool const tree = rule.kind == GateKind::hierarchical;
    require(!tree || shape.gate.n_group > 1, rule, "it needs groups of experts",
            "Set model.n_group, model.topk_group and model.group_score = max");
    require(!tree || shape.top_k % shape.gate.topk_group == 0, rule,
            "each of a token's groups gives it as many experts",
            "Make model.top_k a multiple of model.topk_group");
    require(
        shape.gate.n_group == 1 || tree || scores_experts(rule.kind) || rule.kind == GateKind::none,
        rule, "it knows no groups of experts", "Set model.n_group = 1");
    return rule;
}

OverflowRule make_overflow_rule(GateOptions const& options, ModelShape const& shape) {
    double const factor =
        options.capacity_factor.value_or(shape.gate.capacity_factor_eval.value_or(1));
    return {{options.capacity_policy, factor, shape.top_k},
            options.overflow,
            options.reroute,
            options.capacity_per_source,
            options.budget_ranks};
}

RoutingBatch run_gate(GateRule const& rule, GateInput const& in, SumOverRanks const& sum) {
    GateDraws const draws(rule.seed, in.step, in.layer);
    switch (rule.kind) {
        case GateKind::none:
        case GateKind::model:
            break;
        case GateKind::softmax:
        case GateKind::sigmoid:
        case GateKind::sqrt_softplus:
            return scored(rule, in);
        case GateKind::topk_softmax:
            return topk_softmax_gate(in.logits, rule.top_k, rule.spec.route_scale);
        case GateKind::switch_transformer:
            return switch_gate(in.logits);
        case GateKind::gshard:
            return gshard_gate(in.logits, draws, in.tokens);
        case GateKind::gshard_sampled:
            return sampled_top2_gate(in.logits, draws, in.tokens);
        case GateKind::noisy_topk:
            return noisy_top_k_gate(in.logits, in.noise, rule.top_k, draws, in.tokens);
        case GateKind::expert_choice:
            return expert_choice_gate(in.logits, rule.top_k, rule.choices(), in.tokens,
                                      in.step_tokens, sum);
        case GateKind::sparsemixer:
            return sparsemixer_gate(in.logits, rule.top_k, rule.options.jitter);
        case GateKind::hash:
            return hash(rule, in);
        case GateKind::sinkhorn:
            return sinkhorn_gate(in.logits, rule.top_k, in.step_tokens, sum);
        case GateKind::top_p:
            return top_p_gate(in.logits, rule.top_k, rule.options.top_p);
        case GateKind::dense:
            return dense_gate(in.logits);
        case GateKind::hierarchical:
            return hierarchical(rule, in);
    }
    check(false, "a gate that runs has a kind");
    return {};
}

}  // namespace epsim
