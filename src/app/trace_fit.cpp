#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <memory>

#include "app/fit_text.hpp"
#include "app/trace_command.hpp"
#include "app/trace_figures.hpp"
#include "report/table.hpp"
#include "report/text_style.hpp"
#include "store/trace_file.hpp"
#include "trace/fit_generator.hpp"
#include "trace/sequence_subset.hpp"

namespace epsim {
namespace {

constexpr uint64_t look_alikes = 4;

struct FitFlags {
    std::string file, output;
    FitOptions options;
    FigureSizes sizes;
};

/// A figure of each layer; the table has its mean over layers.
struct Figure {
    std::string name;
    std::function<double(LayerFigures const&)> of;
};

std::vector<Figure> figures(FigureSizes const& sizes) {
    std::vector<Figure> all{
        {"experts: max/mean", [](auto const& f) { return f.experts.max_over_mean; }},
        {"experts: CV", [](auto const& f) { return f.experts.cv; }},
        {"experts: entropy", [](auto const& f) { return f.experts.entropy; }},
        {"experts: share of the busiest", [](auto const& f) { return f.experts.busiest_share; }},
        {"experts: idle", [](auto const& f) { return static_cast<double>(f.experts.idle); }},
        {"adjacent-token reuse", [](auto const& f) { return f.counts.reuse(); }},
        {"co-activation: distance", [](auto const& f) { return f.coactivation; }},
        {"co-activation: lift of the strongest", [](auto const& f) { return f.strongest.lift; }},
        {"change from step to step", [](auto const& f) { return f.step_change; }},
        {"change between halves", [](auto const& f) { return f.half_change; }}};
    for (std::size_t i = 0; i < sizes.ep.size(); ++i) {
        auto const ep = fmt::format("EP{}: ", sizes.ep[i]);
        all.push_back(
            {ep + "max/mean, step by step", [i](auto const& f) { return f.ranks[i].by_step; }});
        all.push_back({ep + "max/mean, whole", [i](auto const& f) { return f.ranks[i].whole; }});
        all.push_back(
            {ep + "ranks of a token", [i](auto const& f) { return f.ranks[i].distinct_ranks; }});
        all.push_back(
            {ep + "nodes of a token", [i](auto const& f) { return f.ranks[i].distinct_nodes; }});
    }
    return all;
}

double mean_of(std::vector<LayerFigures> const& layers, Figure const& figure) {
    double sum = 0;
    for (auto const& layer : layers) sum += figure.of(layer);
    return sum / static_cast<double>(layers.size());
}

std::string comparison(std::vector<LayerFigures> const& fitted,
                       std::vector<LayerFigures> const& look_alike,
                       std::vector<LayerFigures> const& held_out, FigureSizes const& sizes) {
    auto const text = [](double value) {
        return std::isfinite(value) ? fmt::format("{:.3f}", value) : "-";
    };
    Table table({{"mean over layers", Align::left},
                 {"fitted"},
                 {"look-alikes"},
                 {"held out"},
                 {"look-alikes/held out"},
                 {"fitted/held out"}});
    for (auto const& figure : figures(sizes)) {
        double const a = mean_of(fitted, figure), b = mean_of(look_alike, figure),
                     c = mean_of(held_out, figure);
        table.add({figure.name, text(a), text(b), text(c), text(b / c), text(a / c)});
    }
    return table.text(stdout_style());
}

void write_text(std::string const& path, std::string const& text) {
    std::ofstream out(path, std::ios::binary);
    out << text;
    out.close();
    if (!out)
        throw InputError(path +
                         " cannot be written (its folder is missing, not writable or full). "
                         "Correct -o");
}

/// Of the layers of some look-alikes, one after the other: their means say less by chance than
/// one's.
std::vector<LayerFigures> look_alike_figures(FitModel const& model, TraceInfo const& like,
                                             FitFlags const& flags) {
    TokenOptions const tokens{.per_step = std::max<int64_t>(1, like.tokens() / like.steps()),
                              .steps = like.steps()};
    std::vector<LayerFigures> all;
    for (uint64_t i = 1; i <= look_alikes; ++i) {
        RoutingOptions const routing{
            .generator = "fit", .sources = model.source_count, .seed = flags.options.seed + i};
        auto const made = make_fit_generator(model, routing, tokens, model.num_experts, model.top_k,
                                             static_cast<int>(model.layer.size()));
        auto const figures = trace_figures(*made, flags.sizes);
        all.insert(all.end(), figures.begin(), figures.end());
    }
    return all;
}

ExitCode fit(FitFlags const& flags) {
    TraceFile const trace(flags.file);
    auto const fitted = half_of(trace, 0), held_out = half_of(trace, 1);
    auto const model = calibrated(fit_topics(fitted, flags.options), fitted, flags.options.seed);
    write_text(flags.output, fit_text(model));

    auto const& like = held_out.info();
    fmt::print("{}", comparison(trace_figures(fitted, flags.sizes),
                                look_alike_figures(read_fit(flags.output), like, flags),
                                trace_figures(held_out, flags.sizes), flags.sizes));
    fmt::print(
        "{}: {} topics, by source: {}, by step: {}, fitted to {}; {} look-alikes compared "
        "with {} held out\n",
        flags.output, model.topics(), model.by_source ? "yes" : "no", model.by_step ? "yes" : "no",
        describe(fitted.info()), look_alikes, describe(like));
    return ExitCode::success;
}

}  // namespace

void add_trace_fit_command(CLI::App& trace, Action& action) {
    auto const flags = std::make_shared<FitFlags>();
    auto& command = *trace.add_subcommand(
        "fit", "Learn from every second sequence how to make look-alikes; compare with the others");
    command.add_option("FILE", flags->file, "A trace file")->required();
    command
        .add_option(
            "--topics", flags->options.topics,
            "Kinds of tokens; 0 = one if all are alike, else one for 32 tokens, at most 128")
        ->check(CLI::Range(0, 4096))
        ->capture_default_str();
    command.add_option("--seed", flags->options.seed, "Seed")->capture_default_str();
    command.add_option("--ep", flags->sizes.ep, "Numbers of ranks to compare for, as 8,32")
        ->delimiter(',')
        ->check(CLI::Range(1, 65536))
        ->default_str("2,4,8,16");
    command
        .add_option("--ranks-per-node", flags->sizes.ranks_per_node,
                    "Ranks of a node, for the distinct nodes of a token")
        ->check(CLI::Range(1, 65536))
        ->capture_default_str();
    command.add_option("-o,--output", flags->output, "The fit, as TOML")->required();
    command.callback([flags, &action] { action = [flags] { return fit(*flags); }; });
}

}  // namespace epsim
