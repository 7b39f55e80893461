#include "config/key_makers.hpp"
#include "config/key_table.hpp"
#include "gate/options.hpp"
#include "model/limits.hpp"

namespace epsim {
namespace {

Key logits_key() {
    Key key = text_key("routing.logits",
                       "of the gate: hidden x seeded weights, drawn, or .npy [tokens, experts] a "
                       "layer, its number for {layer}",
                       "hidden|drawn|FILE", CONFIG_FIELD(gate.logits));
    key.words = {"hidden", "drawn"};
    key.kind = ValueKind::input_path;
    return key;
}

Key factor_key() {
    Key key = optional_number_key("routing.capacity_factor",
                                  "of the policy; none = the model's in evaluation, else 1",
                                  CONFIG_FIELD(gate.capacity_factor));
    key.allowed = "a number or none";
    key.set = [](Config& config, std::string const& text) {
        auto const value = number_in(text, -any_size, any_size);
        config.gate.capacity_factor = value;
        return value || text == "none";
    };
    return key;
}

Key scope_key() {
    return choice_key(
        "routing.capacity_scope",
        "tokens among which an expert's capacity counts: all, or those "
        "of each declared source",
        {"global", "source"}, CONFIG_FIELD(gate.capacity_per_source),
        [](std::string const& text) { return text == "source"; },
        [](bool per_source) { return std::string(per_source ? "source" : "global"); });
}

}  // namespace

std::vector<Key> gate_keys() {
    constexpr int most_ranks = 1 << 20;
    return {
        enum_key<GateKind>("routing.gate",
                           "chooses experts in the phase gate; model = as model.scoring says; with "
                           "a trace or a generator it is timed, and theirs are used",
                           CONFIG_FIELD(gate.gate)),
        logits_key(),
        number_key("routing.jitter", "of switch and sparsemixer; 0.01 in training", 0,
                   "a number from 0 up", CONFIG_FIELD(gate.jitter)),
        number_key("routing.top_p", "of top-p: the share of probability that a token gathers",
                   above_zero, "a positive number", CONFIG_FIELD(gate.top_p)),
        integer_key("routing.most_choices", "of expert-choice: experts of a token; 0 = no limit", 0,
                    max_experts, CONFIG_FIELD(gate.most_choices)),
        number_key("routing.bias_rate", "of aux-loss-free balancing, where model.score_bias is set",
                   0, "a number from 0 up", CONFIG_FIELD(gate.bias_rate)),
        enum_key<CapacityPolicy>("routing.capacity_policy",
                                 "whose formula says how many tokens an expert accepts",
                                 CONFIG_FIELD(gate.capacity_policy)),
        factor_key(),
        scope_key(),
        enum_key<AcceptOrder>("routing.overflow", "which tokens an expert accepts first",
                              CONFIG_FIELD(gate.overflow)),
        enum_key<Reroute>("routing.reroute", "which expert a refused token gets instead",
                          CONFIG_FIELD(gate.reroute)),
        integer_key("routing.budget_ranks",
                    "experts on so many ranks share their rank's capacity; 0 = each has its own", 0,
                    most_ranks, CONFIG_FIELD(gate.budget_ranks)),
    };
}

}  // namespace epsim
