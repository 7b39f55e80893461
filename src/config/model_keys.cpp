#include "config/key_makers.hpp"
#include "config/key_table.hpp"
#include "core/error.hpp"
#include "model/layer_choice.hpp"
#include "model/limits.hpp"

namespace epsim {
namespace {

Key layers_key() {
    Key key = unbound_key("model.layers", "expert layers to replay", "all|N|[LIST]",
                          "all, the first n layers, or a list of layer numbers such as [1, 2, 26]",
                          {TomlType::text, TomlType::integer, TomlType::list});
    key.set = [](Config& config, std::string const& text) {
        try {
            config.model.layers = LayerChoice::from(text).text();
            return true;
        } catch (InputError const&) {
            return false;
        }
    };
    key.get = [](Config const& config) {
        return config.model.layers == "all" ? toml_quote("all") : config.model.layers;
    };
    return key;
}

}  // namespace

std::vector<Key> model_keys() {
    Key preset = optional_text_key("model.preset", "a file of configs/models, without .toml",
                                   "NAME", CONFIG_FIELD(model.preset));
    preset.scope = KeyScope::circumstance;
    return {preset,
            number_key("model.scale", "multiplies hidden only, as 1/8", above_zero,
                       "a positive number or ratio such as 1/8", CONFIG_FIELD(model.scale)),
            layers_key(),
            flag_key("model.distinct_weights", "each layer has weights of its own",
                     CONFIG_FIELD(model.distinct_weights)),
            dtype_key("model.dtype", "of weights and compute", compute_dtypes,
                      CONFIG_FIELD(model.dtype))};
}

std::vector<Key> shape_keys() {
    std::vector<Key> keys{
        text_key("model.name", "display name", "TEXT", CONFIG_FIELD(shape.name)),
        integer_key("model.hidden", "width of a token", 1, max_width, CONFIG_FIELD(shape.hidden)),
        integer_key("model.dispatch_hidden", "width of a row on the wire; 0 = hidden", 0, max_width,
                    CONFIG_FIELD(shape.dispatch_hidden)),
        integer_key("model.total_layers", "layers of the model", 1, max_layers,
                    CONFIG_FIELD(shape.layers)),
        integer_key("model.moe_layers", "of them with experts", 1, max_layers,
                    CONFIG_FIELD(shape.moe_layers)),
        integer_key("model.num_experts", "routed experts of a layer", 1, max_experts,
                    CONFIG_FIELD(shape.num_experts)),
        integer_key("model.top_k", "experts that a token uses", 1, max_experts,
                    CONFIG_FIELD(shape.top_k)),
        integer_key("model.expert_intermediate", "inner width of an expert", 1, max_width,
                    CONFIG_FIELD(shape.expert_intermediate)),
        enum_key<Activation>("model.activation", "of experts", CONFIG_FIELD(shape.activation)),
        integer_key("model.shared_experts", "experts that every token uses", 0, max_experts,
                    CONFIG_FIELD(shape.shared_experts)),
        integer_key("model.shared_intermediate", "inner width of each shared expert", 0, max_width,
                    CONFIG_FIELD(shape.shared_intermediate)),
        flag_key("model.shared_gated", "a sigmoid gate scales the shared output",
                 CONFIG_FIELD(shape.shared_gated)),
        integer_key("model.dense_residual_intermediate",
                    "inner width of a dense FFN beside the experts", 0, max_width,
                    CONFIG_FIELD(shape.dense_residual_intermediate)),
        enum_key<Scoring>("model.scoring", "of the gate", CONFIG_FIELD(shape.gate.scoring)),
        flag_key("model.score_bias", "a bias selects experts but does not weigh them",
                 CONFIG_FIELD(shape.gate.score_bias)),
        integer_key("model.n_group", "groups that experts are selected by; 1 = none", 1,
                    max_experts, CONFIG_FIELD(shape.gate.n_group)),
        integer_key("model.topk_group", "groups that a token may use", 1, max_experts,
                    CONFIG_FIELD(shape.gate.topk_group)),
        enum_key<GroupScore>("model.group_score", "what ranks groups",
                             CONFIG_FIELD(shape.gate.group_score)),
        enum_key<Renormalise>("model.renormalise", "how the top-k weights are normalised",
                              CONFIG_FIELD(shape.gate.renormalise)),
        number_key("model.route_scale", "multiplies gate weights", above_zero,
                   "a positive number or ratio", CONFIG_FIELD(shape.gate.route_scale)),
        optional_number_key("model.capacity_factor_train", "none = dropless",
                            CONFIG_FIELD(shape.gate.capacity_factor_train)),
        optional_number_key("model.capacity_factor_eval", "none = dropless",
                            CONFIG_FIELD(shape.gate.capacity_factor_eval)),
        enum_key<WeightAt>("model.weight_at", "where the gate weight multiplies",
                           CONFIG_FIELD(shape.weight_at)),
        choice_key("model.weight_format", "of the published weights",
                   {weight_formats.begin(), weight_formats.end()},
                   CONFIG_FIELD(shape.weight_format)),
        optional_number_key("model.total_params_billion", "published",
                            CONFIG_FIELD(shape.total_params_billion)),
        optional_number_key("model.active_params_billion", "published, a token",
                            CONFIG_FIELD(shape.active_params_billion)),
        text_key("model.source", "where the numbers come from", "TEXT", CONFIG_FIELD(shape.source)),
    };
    for (Key& key : keys) key.scope = KeyScope::shape;
    return keys;
}

}  // namespace epsim
