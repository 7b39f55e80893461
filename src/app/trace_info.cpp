#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "app/trace_command.hpp"
#include "app/trace_text.hpp"
#include "report/text_style.hpp"
#include "store/trace_file.hpp"
#include "trace/option_range.hpp"

namespace epsim {
namespace {

struct InfoFlags {
    std::string file;
    FigureSizes sizes;
    bool json = false;
};

nlohmann::ordered_json layer_json(LayerFigures const& layer) {
    nlohmann::ordered_json imbalance, spread;
    for (auto const& r : layer.ranks) {
        imbalance[std::to_string(r.ranks)] = {{"by_step", r.by_step}, {"whole", r.whole}};
        spread[std::to_string(r.ranks)] = {{"ranks", r.distinct_ranks},
                                           {"nodes", r.distinct_nodes}};
    }
    return {{"layer", layer.layer},
            {"expert_tokens", layer.counts.expert_tokens},
            {"max_over_mean", layer.experts.max_over_mean},
            {"cv", layer.experts.cv},
            {"gini", layer.experts.gini},
            {"entropy", layer.experts.entropy},
            {"busiest_expert", layer.hottest.front()},
            {"hottest", layer.hottest},
            {"busiest_share", layer.experts.busiest_share},
            {"idle", layer.experts.idle},
            {"reuse", layer.counts.reuse()},
            {"coactivation",
             {{"distance", layer.coactivation},
              {"pair", {layer.strongest.first, layer.strongest.second}},
              {"tokens", layer.strongest.tokens},
              {"lift", layer.strongest.lift}}},
            {"step_change", layer.step_change},
            {"half_change", layer.half_change},
            {"rank_imbalance", std::move(imbalance)},
            {"token_spread", std::move(spread)}};
}

std::string json(TraceFile const& file, std::span<LayerFigures const> layers) {
    auto const& info = file.info();
    nlohmann::ordered_json out{{"num_experts", info.num_experts},
                               {"top_k", info.top_k},
                               {"tokens", info.tokens()},
                               {"steps", info.steps()},
                               {"sequences", nullptr},
                               {"source_count", info.source_count},
                               {"has_weights", info.has_weights},
                               {"origin", info.origin},
                               {"producer", info.producer},
                               {"source", info.source},
                               {"model", info.model},
                               {"sha256", file.stated_sha256()},
                               {"layers", nlohmann::ordered_json::array()}};
    if (!info.sequence_offset.empty()) out["sequences"] = info.sequence_offset.size() - 1;
    for (auto const& layer : layers) out["layers"].push_back(layer_json(layer));
    return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

ExitCode show(InfoFlags const& flags) {
    for (int const ranks : flags.sizes.ep)
        require_option(ranks >= 1 && ranks <= 65536, "--ep", ranks, "1 to 65536 ranks");
    require_option(flags.sizes.ranks_per_node >= 1, "--ranks-per-node", flags.sizes.ranks_per_node,
                   "a node has a rank");
    require_option(flags.sizes.hottest >= 1, "--hottest", flags.sizes.hottest, "at least one");
    TraceFile const file(flags.file);
    auto const layers = trace_figures(file, flags.sizes);
    fmt::print("{}", flags.json ? json(file, layers)
                                : trace_text(flags.file, file.info(), layers, flags.sizes,
                                             stdout_style()));
    return ExitCode::success;
}

}  // namespace

void add_trace_info_command(CLI::App& trace, Action& action) {
    auto const flags = std::make_shared<InfoFlags>();
    auto& command = *trace.add_subcommand("info", "What a trace holds, and how skewed it is");
    command.add_option("FILE", flags->file, "A trace file")->required();
    command
        .add_option("--ep", flags->sizes.ep, "Numbers of ranks to give the imbalance for, as 8,32")
        ->delimiter(',')
        ->default_str("2,4,8,16");
    command
        .add_option("--ranks-per-node", flags->sizes.ranks_per_node,
                    "Ranks of a node, for the distinct nodes of a token")
        ->capture_default_str();
    command.add_option("--hottest", flags->sizes.hottest, "Experts of a layer to name, of --json")
        ->capture_default_str();
    command.add_flag("--json", flags->json, "As JSON, with every expert's count");
    command.callback([flags, &action] { action = [flags] { return show(*flags); }; });
}

}  // namespace epsim
