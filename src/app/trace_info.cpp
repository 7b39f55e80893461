#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "app/trace_command.hpp"
#include "app/trace_text.hpp"
#include "report/text_style.hpp"
#include "store/trace_file.hpp"

namespace epsim {
namespace {

struct InfoFlags {
    std::string file;
    std::vector<int> ep_sizes{2, 4, 8, 16};
    bool json = false;
};

nlohmann::ordered_json layer_json(LayerFigures const& layer) {
    nlohmann::ordered_json ranks = nlohmann::ordered_json::object();
    for (auto const& r : layer.ranks)
        ranks[std::to_string(r.ranks)] = {{"by_step", r.by_step}, {"whole", r.whole}};
    return {{"layer", layer.layer},
            {"expert_tokens", layer.counts.expert_tokens},
            {"max_over_mean", layer.experts.max_over_mean},
            {"cv", layer.experts.cv},
            {"gini", layer.experts.gini},
            {"entropy", layer.experts.entropy},
            {"busiest_expert", layer.busiest_expert},
            {"busiest_share", layer.experts.busiest_share},
            {"idle", layer.experts.idle},
            {"reuse", layer.counts.reuse()},
            {"rank_imbalance", std::move(ranks)}};
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
    constexpr int most_ranks = 65536;
    for (int const ranks : flags.ep_sizes)
        if (ranks < 1 || ranks > most_ranks)
            throw InputError(fmt::format("--ep {} is out of range (1 to {} ranks). Correct it",
                                         ranks, most_ranks));
    TraceFile const file(flags.file);
    auto const layers = trace_figures(file, flags.ep_sizes);
    fmt::print("{}", flags.json ? json(file, layers)
                                : trace_text(flags.file, file.info(), layers, stdout_style()));
    return ExitCode::success;
}

}  // namespace

void add_trace_info_command(CLI::App& trace, Action& action) {
    auto const flags = std::make_shared<InfoFlags>();
    auto& command = *trace.add_subcommand("info", "What a trace holds, and how skewed it is");
    command.add_option("FILE", flags->file, "A trace file")->required();
    command
        .add_option("--ep", flags->ep_sizes, "Numbers of ranks to give the imbalance for, as 8,32")
        ->delimiter(',')
        ->default_str("2,4,8,16");
    command.add_flag("--json", flags->json, "As JSON, with every expert's count");
    command.callback([flags, &action] { action = [flags] { return show(*flags); }; });
}

}  // namespace epsim
