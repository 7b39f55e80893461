#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "report/sections.hpp"
#include "report/table.hpp"

namespace epsim {
namespace {

/// The resource behind most of a phase's bound, over steps and layers: "memory, node", with its
/// share where others limit too.
std::string limiting_resource(RunRecord const& record, int64_t phase) {
    std::vector<double> seconds(record.resource.size());
    double sum = 0;
    if (record.bound_resource.empty() || seconds.empty()) return "-";
    for (int64_t s = 0; s < record.bound.extent(0); ++s)
        for (int64_t l = 0; l < record.bound.extent(1); ++l)
            if (auto const r = record.bound_resource(s, l, phase); r >= 0) {
                seconds[static_cast<std::size_t>(r)] += record.bound(s, l, phase);
                sum += record.bound(s, l, phase);
            }
    auto const most = std::ranges::max_element(seconds);
    auto const& name = record.resource[static_cast<std::size_t>(most - seconds.begin())];
    return sum > 0 && *most < sum ? fmt::format("{} ({})", name, percent_text(*most / sum)) : name;
}

/// As percent_text, but what is over the limit or all but nothing says so.
std::string share_text(double ratio) {
    if (ratio > 1 && std::isfinite(ratio)) return fmt::format("{} > 1", percent_text(ratio));
    return ratio > 0 && ratio < 0.0005 ? "< 0.1 %" : percent_text(ratio);
}

/// "one rank: read bandwidth 9.000 GB/s, ...; whole node: ...; messages: ..."
std::string ceilings_text(RunRecord const& record) {
    std::vector<std::string> rank, node, messages, groups;
    auto const has = [&](std::string const& metric) {
        return std::ranges::count(record.ceilings, metric, &SummaryRow::metric) > 0;
    };
    for (auto const& row : record.ceilings) {
        std::string_view name = row.metric;
        auto* into = &messages;
        if (name.ends_with("_rank")) into = &rank;
        if (name.ends_with("_node") && has(fmt::format("{}rank", name.substr(0, name.size() - 4))))
            into = &node;
        if (into != &messages) name.remove_suffix(std::string_view("_rank").size());
        std::string words(name);
        std::ranges::replace(words, '_', ' ');
        into->push_back(fmt::format("{} {}", words, format_si(row.value, row.unit)));
    }
    for (auto const& [label, values] : {std::pair{"one rank", rank}, std::pair{"whole node", node},
                                        std::pair{"messages", messages}})
        if (!values.empty())
            groups.push_back(fmt::format("{}: {}", label, fmt::join(values, ", ")));
    return fmt::format("{}", fmt::join(groups, "; "));
}

}  // namespace

std::string limit_section(ReportInput const& input) {
    Table table({{"limits of a step", Align::left},
                 {"measured"},
                 {"T_lb"},
                 {"T_lb/t"},
                 {"T_lb*/t"},
                 {"limited by", Align::left}});
    bool over = false;
    auto const add = [&](std::string const& name, std::string const& time, std::string const& by) {
        double const bound = input.value("bound_" + name);
        if (std::isnan(bound)) return;
        double const ratio = input.value(fmt::format("bound_{}_ratio", name));
        over = over || (ratio > 1 && std::isfinite(ratio));
        table.add({name, seconds_text(input.value(time)), seconds_text(bound), share_text(ratio),
                   share_text(input.value(fmt::format("least_bound_{}_ratio", name))), by});
    };
    for (std::size_t p = 0; p < phase_count; ++p) {
        std::string const name(phase_names[p]);
        add(name, fmt::format("phase_{}_busy_p50", name),
            limiting_resource(input.record, static_cast<int64_t>(p)));
    }
    add("step", "step_time", "the phases, one after the other");
    std::string text;
    if (!table.empty()) {
        text = table.text(input.style);
        text += note(
            "Measured (t): at least one rank in the phase; median over iterations, summed over "
            "layers, mean over steps. T_lb: least time by this run's ceilings, of the phase as it "
            "is done; T_lb*: whatever the algorithm. What the caches can hold has no bound.",
            input.style);
        if (over) text += note("> 1: faster than the ceilings say, e.g. from cache.", input.style);
    }
    if (!input.record.ceilings.empty())
        text += fact("ceilings", ceilings_text(input.record), input.style);
    return text;
}

}  // namespace epsim
