#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "report/busiest.hpp"
#include "report/sections.hpp"
#include "report/table.hpp"

namespace epsim {
namespace {

constexpr std::size_t experts_shown = 5, ranks_shown = 8;

/// The layer with the largest max / mean: "4.100 (7)".
std::string worst_layer(ReportInput const& input, std::string_view what) {
    double worst = -1;
    int32_t worst_layer = 0;
    for (auto const layer : input.record.layer)
        if (double const v = input.value(fmt::format("{}_max_over_mean_layer_{}", what, layer));
            v > worst)
            worst = v, worst_layer = layer;
    return worst < 0 ? "-" : fmt::format("{} ({})", ratio_text(worst), worst_layer);
}

std::string imbalance_table(ReportInput const& input) {
    Table table({{"imbalance", Align::left},
                 {"max/mean"},
                 {"worst (layer)"},
                 {"in one step"},
                 {"CV"},
                 {"Gini"},
                 {"entropy"},
                 {"idle"}});
    for (std::string const what : {"expert", "rank", "node"}) {
        auto const of = [&](char const* figure) {
            return ratio_text(input.value(fmt::format("{}_{}", what, figure)));
        };
        double const idle = input.value(what + "_idle");
        if (std::isnan(idle)) continue;
        table.add({what + "s", of("max_over_mean"), worst_layer(input, what),
                   of("max_over_mean_per_step"), of("cv"), of("gini"), of("entropy"),
                   fmt::format("{:.0f}", idle)});
    }
    if (table.empty()) return "";
    std::string text = table.text(input.style);
    text += note(
        "Of each layer's assignments in all steps, mean over layers; 1 = balanced for "
        "max/mean and entropy, 0 for CV and Gini. Idle: pairs with a layer that got no "
        "token.",
        input.style);
    if (double const dropped = input.value("dropped"); dropped > 0)
        text += fact(
            "dropped",
            fmt::format("{:.0f} assignments, {}", dropped, percent_text(input.value("drop_rate"))),
            input.style);
    return text;
}

std::string expert_table(ReportInput const& input) {
    Table table({{"busiest experts", Align::left},
                 {"expert"},
                 {"on rank"},
                 {"assignments"},
                 {"of its layer"},
                 {"x mean"}});
    for (auto const& each : busiest_experts(input.record, experts_shown))
        table.add({fmt::format("layer {}", each.layer), fmt::format("{}", each.expert),
                   each.rank.empty() ? "-" : fmt::format("{}", fmt::join(each.rank, ",")),
                   fmt::format("{}", each.tokens), percent_text(each.share),
                   ratio_text(each.over_mean)});
    return table.empty() ? "" : table.text(input.style);
}

std::string rank_table(ReportInput const& input) {
    Table table({{"busiest ranks", Align::left},
                 {"host", Align::left},
                 {"assignments"},
                 {"share"},
                 {"x mean"},
                 {"expert phase"},
                 {"exchange"}});
    for (auto const& each : busiest_ranks(input.record, ranks_shown))
        table.add({fmt::format("rank {}", each.rank),
                   input.record.topology[static_cast<std::size_t>(each.rank)].hostname,
                   fmt::format("{}", each.tokens), percent_text(each.share),
                   ratio_text(each.over_mean), seconds_text(each.expert_s),
                   seconds_text(each.exchange_s)});
    if (table.empty()) return "";
    return table.text(input.style) +
           note("Exchange: counts, dispatch and combine of that rank, waiting included.",
                input.style);
}

}  // namespace

std::string load_section(ReportInput const& input) {
    return paragraphs({imbalance_table(input), expert_table(input), rank_table(input)});
}

}  // namespace epsim
