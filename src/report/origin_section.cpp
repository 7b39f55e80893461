#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "measure/load.hpp"
#include "measure/step_times.hpp"
#include "report/config_keys.hpp"
#include "report/sections.hpp"

namespace epsim {
namespace {

constexpr std::size_t short_hash = 12;

std::string join_present(std::vector<std::string> parts) {
    std::erase_if(parts, [](std::string const& part) { return part.empty(); });
    return fmt::format("{}", fmt::join(parts, ", "));
}

std::string labelled(std::string const& label, std::string const& value) {
    return value.empty() ? "" : label + " " + value;
}

/// "0-3", "0,2,5".
std::string ranges_text(std::vector<int64_t> const& numbers) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin < numbers.size();) {
        std::size_t end = begin;
        while (end + 1 < numbers.size() && numbers[end + 1] == numbers[end] + 1) ++end;
        parts.push_back(begin == end ? fmt::format("{}", numbers[begin])
                                     : fmt::format("{}-{}", numbers[begin], numbers[end]));
        begin = end + 1;
    }
    return fmt::format("{}", fmt::join(parts, ","));
}

/// A line a node: its ranks, devices and CPUs; the first few nodes.
std::string where_text(RunRecord const& record, TextStyle const& style) {
    constexpr std::size_t shown = 4;
    struct Node {
        std::string host;
        std::vector<int64_t> ranks;
        std::set<std::string> devices, cpus;
    };
    std::map<int32_t, Node> nodes;
    for (std::size_t r = 0; r < record.topology.size(); ++r) {
        auto const& place = record.topology[r];
        auto& node = nodes[place.node];
        node.host = place.hostname;
        node.ranks.push_back(static_cast<int64_t>(r));
        node.devices.insert(place.device);
        node.cpus.insert(place.cpuset);
    }
    std::string text;
    std::size_t at = 0;
    for (auto const& [number, node] : nodes) {
        if (at == shown) {
            text += fact("", fmt::format("and {} more", nodes.size() - shown), style);
            break;
        }
        auto const cpus = node.cpus.size() == 1 ? labelled("CPUs", *node.cpus.begin())
                                                : fmt::format("{} sets of CPUs", node.cpus.size());
        text += fact(
            at++ == 0 ? "where" : "",
            fmt::format("node {} = {}: rank{} {}; {}", number, node.host,
                        node.ranks.size() == 1 ? "" : "s", ranges_text(node.ranks),
                        join_present({fmt::format("{}", fmt::join(node.devices, ", ")), cpus})),
            style);
    }
    return text;
}

bool is_one(std::string const& scale) {
    return scale.empty() || scale == "1" || scale == "1.0";
}

std::string model_text(ReportInput const& input) {
    auto const of = [&](char const* key) { return input.configured(std::string("model.") + key); };
    auto const experts = of("num_experts").empty() && !input.record.expert_tokens.empty()
                             ? fmt::format("{}", input.record.expert_tokens.extent(2))
                             : of("num_experts");
    auto const scale = of("scale");
    std::string const shape = join_present(
        {labelled("hidden", of("hidden")) + (is_one(scale) ? "" : " x " + scale),
         experts.empty() ? "" : experts + " experts", labelled("top", of("top_k")),
         labelled("intermediate", of("expert_intermediate")), of("activation"), of("dtype")});
    return model_name(input) + (shape.empty() ? "" : ": " + shape);
}

std::string software_text(ReportInput const& input) {
    auto const& record = input.record;
    auto const mpi = input.provenance("mpi", "library");  // "Open MPI v4.1.4, package: ..."
    return join_present({"epsim " + record.software_version,
                         "git " + record.git_sha.substr(0, short_hash) +
                             (record.git_dirty ? " with uncommitted changes" : ""),
                         input.provenance("build", "compiler"),
                         input.provenance("build", "build_type"), mpi.substr(0, mpi.find(','))});
}

/// The algorithm, and why where it was left to a trial; a plugin's is its own, so that its name and
/// version stand here.
std::string exchange_text(ReportInput const& input) {
    constexpr std::size_t plugin_columns = 50;
    auto how = input.configured("exchange.algorithm");
    if (auto const plugin = input.provenance("exchange", "plugin"); !plugin.empty())
        how = shorten(printable(plugin + ' ' + input.provenance("exchange", "plugin_version"),
                                input.style.charset),
                      plugin_columns, input.style.charset);
    if (auto const why = input.provenance("exchange", "auto"); !why.empty())
        how += ": " + printable(why, input.style.charset);
    auto const dedup = input.configured("exchange.dedup");
    auto const thread = input.provenance("exchange", "progress_thread");
    return join_present(
        {input.configured("exchange.backend"), how, labelled("dedup", dedup == "none" ? "" : dedup),
         labelled("wire", input.configured("exchange.wire_dtype")),
         labelled("combine", input.configured("exchange.combine_dtype")),
         labelled(input.configured("step.micro_batches") == "2" ? "micro-batches" : "chunks",
                  thread.empty() ? "" : std::to_string(input.record.parts)),
         labelled("thread of its own", thread)});
}

std::string placement_text(ReportInput const& input) {
    auto const of = [&](char const* key) { return input.provenance("placement", key); };
    auto const planned = of("planned_on");
    return join_present(
        {of("strategy") + (planned.empty() ? "" : " planned on " + planned),
         shorten(printable(of("file"), input.style.charset), 50, input.style.charset),
         of("slots").empty() ? "" : of("slots") + " slots",
         labelled("replica choice", of("replica_choice")),
         labelled("balancedness expected", of("balancedness")),
         labelled("share off-rank", of("off_rank_share")),
         labelled("off-node", of("off_node_share"))});
}

/// As it ran, else as it was asked for.
std::string compute_text(ReportInput const& input) {
    auto const of = [&](char const* key) {
        auto ran = input.provenance("compute", key);
        return ran.empty() ? input.configured(std::string("compute.") + key) : ran;
    };
    return join_present({input.configured("compute.device"), labelled("kernel", of("kernel")),
                         labelled("threads a rank", of("threads"))});
}

std::string trace_text(ReportInput const& input) {
    constexpr std::size_t model_columns = 50;
    auto name = input.configured("routing.trace");
    if (name.empty()) name = input.configured("routing.generator");
    if (name.empty()) name = "none: the gate chose the experts";
    auto const model = shorten(printable(input.provenance("trace", "model"), input.style.charset),
                               model_columns, input.style.charset);
    auto text = join_present(
        {name, input.provenance("trace", "origin"), labelled("from", model),
         labelled("sha256", input.provenance("trace", "sha256").substr(0, short_hash))});
    bool const gated = !input.configured("routing.gate").empty();
    if (!input.configured("routing.trace").empty())
        text += !gated || std::isnan(input.value("phase_gate_p50"))
                    ? "; recorded routing, the gate did not run"
                    : "; the timed gate's choice was overridden by the recorded one";
    return text;
}

std::string replayed_text(RunRecord const& record) {
    int64_t measured = 0, unfinished = 0;
    for (auto const& of_step : measured_iterations(record)) measured += std::ssize(of_step);
    auto const warmup = std::ranges::count_if(record.is_warmup, [](auto w) { return w != 0; });
    unfinished = std::ssize(record.is_warmup) - warmup - measured;
    auto const tokens =
        std::accumulate(record.step_tokens.begin(), record.step_tokens.end(), int64_t{0});
    return fmt::format("{} x {}, {} a pass; {} measured, {} of warm-up left out{}",
                       count_text(std::ssize(record.step), "step"),
                       count_text(std::ssize(record.layer), "layer"), count_text(tokens, "token"),
                       count_text(measured, "iteration"), warmup,
                       unfinished > 0 ? fmt::format(", {} unfinished", unfinished) : "");
}

std::string title(ReportInput const& input) {
    auto const& record = input.record;
    auto text = fmt::format("{}{} run of {}, {} on {}", record.kind,
                            record.status == "complete" ? "" : ", " + record.status,
                            model_name(input), count_text(std::ssize(record.topology), "rank"),
                            count_text(node_count(record.topology), "node"));
    if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
    std::string result;
    for (auto const& line :
         wrap(printable(text, input.style.charset), static_cast<std::size_t>(input.style.width)))
        result += line + '\n';
    return result + '\n';
}

}  // namespace

std::string ReportInput::configured(std::string const& key) const {
    auto const found = config.find(key);
    return found == config.end() || found->second == "none" ? "" : found->second;
}

std::string ReportInput::provenance(std::string const& group, std::string const& key) const {
    auto const found = record.provenance.find(group);
    if (found == record.provenance.end()) return "";
    auto const value = found->second.find(key);
    return value == found->second.end() ? "" : value->second;
}

ReportInput make_report_input(RunRecord const& record, std::string const& path, TextStyle style) {
    auto derived = summarise(record);
    return {record, path, config_keys(record.config),
            record.summary.empty() ? std::move(derived) : record.summary, style};
}

std::string model_name(ReportInput const& input) {
    for (auto const* key : {"model.preset", "model.name"})
        if (auto name = input.configured(key); !name.empty()) return name;
    return "custom model";
}

std::string origin_section(ReportInput const& input) {
    auto const& record = input.record;
    auto const& style = input.style;
    std::string text = title(input);
    text += fact("kind", explain_kind(input), style);
    for (auto const& tag : record.tags)
        text += fact(&tag == record.tags.data() ? "tags" : "",
                     join_present({explain_tag(tag),
                                   tag == "distorted" ? input.provenance("model", tag) : ""}),
                     style);
    if (record.status != "complete")
        text += fact("status", record.status + ": the figures cover what was measured until then",
                     style);
    text +=
        fact("when", join_present({record.date, record.status, labelled("run", record.run_uuid)}),
             style);
    text += where_text(record, style);
    for (auto const& [label, value] : {std::pair{"software", software_text(input)},
                                       {"model", model_text(input)},
                                       {"placement", placement_text(input)},
                                       {"exchange", exchange_text(input)},
                                       {"compute", compute_text(input)},
                                       {"trace", trace_text(input)},
                                       {"replayed", replayed_text(record)}})
        if (!value.empty()) text += fact(label, value, style);
    if (!input.path.empty()) {  // in one piece, to be copied
        auto unwrapped = style;
        unwrapped.width = std::numeric_limits<int>::max();
        text += fact("file", input.path, unwrapped);
    }
    return text;
}

}  // namespace epsim
