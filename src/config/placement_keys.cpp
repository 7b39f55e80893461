#include "config/key_makers.hpp"
#include "config/key_table.hpp"
#include "config/rebalance_presets.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

constexpr std::string_view section = "placement.rebalance.";

struct Preset {
    std::string_view name;
    std::vector<std::pair<std::string_view, std::string_view>> values;
};

/// What serving systems do unless told otherwise.
std::vector<Preset> const& presets() {
    static std::vector<Preset> const all{
        {"none", {}},
        // --enable-eplb: --eplb-rebalance-num-iterations 1000, the recorder's buffer as long,
        // --eplb-min-rebalancing-utilization-threshold 1.0, all layers at once, serving waits.
        {"sglang",
         {{"interval", "1000"},
          {"window", "1000"},
          {"threshold", "1"},
          {"layers_per_step", "0"},
          {"mode", "stop"},
          {"strategy", "eplb"}}},
        // EPLBConfig: step_interval 3000 that begins at three quarters, window_size 1000, use_async
        // (true from 0.24 on, false before).
        {"vllm",
         {{"interval", "3000"},
          {"first", "750"},
          {"window", "1000"},
          {"threshold", "1"},
          {"layers_per_step", "0"},
          {"mode", "async"},
          {"strategy", "eplb"}}},
        // moe_load_balancer: layer_updates_per_iter 2, as in its guide; layers take turns without
        // end. Its counts fade exponentially: a window stands for that.
        {"tensorrt-llm",
         {{"interval", "1"},
          {"first", "1"},
          {"window", "100"},
          {"threshold", "1"},
          {"layers_per_step", "2"},
          {"mode", "async"},
          {"strategy", "eplb-global"}}},
    };
    return all;
}

std::vector<std::string> preset_names() {
    std::vector<std::string> names;
    for (auto const& preset : presets()) names.emplace_back(preset.name);
    return names;
}

std::string path(std::string_view key) {
    return std::string(section).append(key);
}

}  // namespace

std::vector<Override> rebalance_preset(std::string_view name) {
    std::vector<Override> values;
    auto const preset = std::ranges::find(presets(), name, &Preset::name);
    for (auto const& [key, value] : preset->values)
        values.push_back({path(key), std::string(value)});
    return values;
}

std::vector<Key> placement_keys() {
    Key file = optional_text_key("placement.file", "of epsim placement make, instead of a strategy",
                                 "FILE", CONFIG_FIELD(placement.file));
    file.kind = ValueKind::input_path;
    Key preset = choice_key(path("preset"), "as a serving system does, for what is not set",
                            preset_names(), CONFIG_FIELD(placement.rebalance.preset));
    preset.scope = KeyScope::circumstance;
    return {
        enum_key<Strategy>("placement.strategy", "experts to slots, planned on the replayed steps",
                           CONFIG_FIELD(placement.strategy)),
        file,
        integer_key("placement.redundant_slots", "for replicas, over all ranks", 0, 1 << 24,
                    CONFIG_FIELD(placement.redundant_slots)),
        enum_key<ReplicaChoice>("placement.replica_choice", "which replica a token goes to",
                                CONFIG_FIELD(placement.replica_choice)),
        preset,
        integer_key(path("interval"), "steps between decisions; 0 = experts stay", 0, most_steps,
                    CONFIG_FIELD(placement.rebalance.interval)),
        integer_key(path("first"), "step before which the first is; 0 = interval", 0, most_steps,
                    CONFIG_FIELD(placement.rebalance.first)),
        integer_key(path("window"), "steps whose loads are looked at; 0 = interval", 0, most_steps,
                    CONFIG_FIELD(placement.rebalance.window)),
        number_key(path("threshold"), "balancedness above which nothing changes", 0,
                   "a number from 0 up", CONFIG_FIELD(placement.rebalance.threshold)),
        integer_key(path("layers_per_step"), "that change at once; 0 = all", 0, 1 << 16,
                    CONFIG_FIELD(placement.rebalance.layers_per_step)),
        enum_key<RebalanceMode>(path("mode"),
                                "stop = a step waits for weights; async = they travel while the "
                                "step before computes",
                                CONFIG_FIELD(placement.rebalance.mode)),
        enum_key<Strategy>(path("strategy"), "that plans on the window's loads",
                           CONFIG_FIELD(placement.rebalance.strategy)),
    };
}

}  // namespace epsim
