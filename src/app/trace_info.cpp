#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/trace_command.hpp"
#include "app/trace_figures.hpp"
#include "report/report.hpp"
#include "report/table.hpp"
#include "store/trace_file.hpp"

namespace epsim {
namespace {

struct InfoFlags {
    std::string file;
    std::vector<int> ep_sizes{2, 4, 8, 16};
    bool json = false;
};

std::string number(double value, int decimals) {
    return std::isfinite(value) ? fmt::format("{:.{}f}", value, decimals) : "-";
}

std::string header(std::string const& path, TraceInfo const& info, TextStyle const& style) {
    std::string text = fact("trace", path, style);
    text += fact("routing", describe(info), style);
    text += fact("origin", info.origin, style);
    if (!info.producer.empty()) text += fact("producer", info.producer, style);
    if (!info.source.empty()) text += fact("source", info.source, style);
    if (!info.model.empty()) text += fact("model", info.model, style);
    text += fact("sources", std::to_string(info.source_count), style);
    text += fact("sequences",
                 info.sequence_offset.empty() ? "not recorded"
                                              : std::to_string(info.sequence_offset.size() - 1),
                 style);
    text += fact("gate weights", info.has_weights ? "recorded" : "not recorded", style);
    return text;
}

constexpr std::size_t ep_sizes_a_table = 4;  // that fit 100 columns

/// A row a layer. The first table has the experts' figures too.
std::string table(std::span<LayerFigures const> layers, std::size_t first_ep, bool many_steps,
                  TextStyle const& style) {
    std::vector<Table::Column> columns{{"layer"}};
    bool const with_experts = first_ep == 0;
    if (with_experts)
        columns.insert(columns.end(),
                       {{"max/mean"}, {"CV"}, {"busiest"}, {"share"}, {"idle"}, {"reuse"}});
    auto const ep_end = std::min(first_ep + ep_sizes_a_table, layers[0].ranks.size());
    for (auto i = first_ep; i < ep_end; ++i)
        columns.push_back({fmt::format("EP{}", layers[0].ranks[i].ranks)});
    Table result(std::move(columns));
    for (auto const& layer : layers) {
        std::vector<std::string> row{std::to_string(layer.layer)};
        if (with_experts)
            row.insert(row.end(),
                       {number(layer.experts.max_over_mean, 2), number(layer.experts.cv, 2),
                        std::to_string(layer.busiest_expert),
                        number(100 * layer.experts.busiest_share, 1) + " %",
                        std::to_string(layer.experts.idle), number(layer.counts.reuse(), 3)});
        for (auto i = first_ep; i < ep_end; ++i) {
            auto const& ranks = layer.ranks[i];
            row.push_back(many_steps ? number(ranks.by_step, 2) + "/" + number(ranks.whole, 2)
                                     : number(ranks.whole, 2));
        }
        result.add(std::move(row));
    }
    return result.text(style);
}

std::string text(std::string const& path, TraceInfo const& info,
                 std::span<LayerFigures const> layers) {
    auto const style = stdout_style();
    bool const many_steps = info.steps() > 1;
    std::string out = header(path, info, style);
    std::size_t first_ep = 0;
    do {
        out += '\n' + table(layers, first_ep, many_steps, style);
        first_ep += ep_sizes_a_table;
    } while (first_ep < layers[0].ranks.size());
    out +=
        '\n' + note(
                   "max/mean, CV: of the experts' assignments. reuse: share of a token's experts "
                   "that its predecessor in the " +
                       std::string(info.sequence_offset.empty() ? "step" : "sequence") +
                       " chose too (independent uniform tokens: " +
                       number(static_cast<double>(info.top_k) / info.num_experts, 3) + ").",
                   style);
    out +=
        note("EPn: max/mean of the assignments that n ranks receive, experts placed linearly" +
                 std::string(many_steps ? ": waiting for the busiest rank at every step / summed "
                                          "over all steps."
                                        : "."),
             style);
    return out;
}

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
    fmt::print("{}", flags.json ? json(file, layers) : text(flags.file, file.info(), layers));
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
