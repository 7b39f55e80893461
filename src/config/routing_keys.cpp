#include <cstdint>

#include "config/key_makers.hpp"
#include "config/key_table.hpp"
#include "model/limits.hpp"
#include "trace/generator.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

constexpr char const* from_zero = "a number from 0 up";
constexpr char const* share = "a number from 0 to 1";

template <class Field>
Key from_zero_key(std::string path, std::string help, Field field) {
    return number_key(std::move(path), std::move(help), 0, from_zero, field);
}

template <class Field>
Key share_key(std::string path, std::string help, Field field) {
    Key key = number_key(std::move(path), std::move(help), 0, share, field);
    key.set = [=](Config& config, std::string const& text) {
        auto const value = number_in(text, 0, 1);
        if (value) field(config) = *value;
        return value.has_value();
    };
    return key;
}

Key generator_key() {
    auto choices = generator_names();
    choices.emplace_back("fit");
    choices.emplace_back("none");
    return choice_key(
        "routing.generator", "synthetic routing", std::move(choices),
        CONFIG_FIELD(routing.generator),
        [](std::string const& text) { return text == "none" ? std::string() : text; },
        [](std::string const& value) { return value.empty() ? std::string("none") : value; });
}

Key fit_key() {
    Key key = optional_text_key("routing.fit", "of fit: the file that `epsim trace fit` wrote",
                                "FILE", CONFIG_FIELD(routing.fit));
    key.kind = ValueKind::input_path;
    return key;
}

Key trace_key() {
    Key key = optional_text_key("routing.trace", "an epsim-trace HDF5 file", "FILE",
                                CONFIG_FIELD(routing.trace));
    key.kind = ValueKind::input_path;
    return key;
}

}  // namespace

std::vector<Key> routing_keys() {
    return {
        trace_key(),
        generator_key(),
        from_zero_key("routing.zipf_s", "exponent of zipf", CONFIG_FIELD(routing.zipf_s)),
        from_zero_key("routing.power_law_alpha", "exponent of power-law",
                      CONFIG_FIELD(routing.power_law_alpha)),
        number_key("routing.power_law_range", "of power-law: largest weight over the smallest", 1,
                   "a number from 1 up", CONFIG_FIELD(routing.power_law_range)),
        from_zero_key("routing.sigma", "of log-normal: deviation of the logarithms",
                      CONFIG_FIELD(routing.sigma)),
        from_zero_key("routing.max_vio",
                      "of log-normal: solve sigma for max / mean - 1 of the experts' loads; 0 = "
                      "routing.sigma",
                      CONFIG_FIELD(routing.max_vio)),
        number_key("routing.dirichlet_alpha", "concentration of dirichlet", above_zero,
                   "a positive number", CONFIG_FIELD(routing.dirichlet_alpha)),
        integer_key("routing.hot_experts", "of hot and spread-hot: how many", 1, most_experts,
                    CONFIG_FIELD(routing.hot_experts)),
        share_key("routing.hot_share", "of hot, hot-rank and spread-hot: of all assignments",
                  CONFIG_FIELD(routing.hot_share)),
        integer_key("routing.hot_rank", "of hot-rank: of the declared sources", 0, most_sources - 1,
                    CONFIG_FIELD(routing.hot_rank)),
        fit_key(),
        integer_key("routing.rotate_every",
                    "steps after which popularity moves on to the next experts; 0 = never", 0,
                    most_steps, CONFIG_FIELD(routing.rotate_every)),
        from_zero_key("routing.drift",
                      "deviation a step of the random walk of the logarithms of popularity",
                      CONFIG_FIELD(routing.drift)),
        integer_key("routing.burst_every", "steps from burst to burst; 0 = no bursts", 0,
                    most_steps, CONFIG_FIELD(routing.burst_every)),
        integer_key("routing.burst_length", "steps of a burst", 1, most_steps,
                    CONFIG_FIELD(routing.burst_length)),
        integer_key("routing.burst_experts", "that a burst favours", 1, most_experts,
                    CONFIG_FIELD(routing.burst_experts)),
        number_key("routing.burst_factor", "of their weights in a burst", above_zero,
                   "a positive number", CONFIG_FIELD(routing.burst_factor)),
        share_key("routing.affinity", "share of tokens that follow their source's own favourites",
                  CONFIG_FIELD(routing.affinity)),
        share_key("routing.reuse", "probability that an expert's noise stays for the next token",
                  CONFIG_FIELD(routing.reuse)),
        share_key("routing.layer_correlation", "the same for the next layer",
                  CONFIG_FIELD(routing.layer_correlation)),
        integer_key("routing.groups", "of experts", 1, most_experts, CONFIG_FIELD(routing.groups)),
        integer_key("routing.groups_kept", "groups that a token may choose from", 1, most_experts,
                    CONFIG_FIELD(routing.groups_kept)),
        integer_key("routing.sources", "declared sources of a generator", 1, most_sources,
                    CONFIG_FIELD(routing.sources)),
        from_zero_key("routing.ragged", "deviation of the logarithms of the sources' tokens",
                      CONFIG_FIELD(routing.ragged)),
        integer_key("routing.empty_source", "a source without tokens; -1 = none", -1,
                    most_sources - 1, CONFIG_FIELD(routing.empty_source)),
        integer_key("routing.layers", "layers that a generator makes; 0 = model.moe_layers", 0,
                    max_layers, CONFIG_FIELD(routing.layers)),
        integer_key("routing.seed", "of generators, tokens, weights and samples", 0, INT64_MAX,
                    CONFIG_FIELD(routing.seed)),
    };
}

}  // namespace epsim
