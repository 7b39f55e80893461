#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "report/sections.hpp"

namespace epsim {
namespace {

/// Who shares what: "4 ranks on 2 cores: ..." where all are on one host whose cores are known.
std::string explain_oversubscription(ReportInput const& input) {
    auto const& topology = input.record.topology;
    auto const ranks = count_text(std::ssize(topology), "rank");
    auto const cores = input.provenance("machine", "physical_cores");
    auto const threads = input.provenance("compute", "threads");
    bool const one_cpu_host = std::ranges::all_of(topology, [&](auto const& place) {
        return place.device == "cpu" && place.hostname == topology.front().hostname;
    });
    if (cores.empty() || !one_cpu_host)
        return ranks + " share cores or devices: times are not those of a machine with one a rank";
    bool const single = threads.empty() || threads == "1";
    return fmt::format("{}{} on {} core{}: times are not those of a machine with a core a {}",
                       ranks, single ? "" : fmt::format(" of {} threads", threads), cores,
                       cores == "1" ? "" : "s", single ? "rank" : "thread");
}

}  // namespace

std::string explain_kind(ReportInput const& input) {
    auto const& record = input.record;
    if (record.kind == "oversubscribed")
        return "oversubscribed: " + explain_oversubscription(input);
    if (record.kind == "emulated")
        return "emulated: the links were slowed down to those of another network";
    if (record.kind == "predicted") return "predicted: a model's times, nothing was measured";
    return record.kind;
}

std::string explain_tag(std::string const& tag) {
    static std::map<std::string, std::string> const meaning{
        {"exchange-only", "rows were exchanged and nothing else: each rank stands for one expert"},
        {"pairs", "messages between all pairs of ranks, a pair at a time"},
        {"aggressor", "half of the steps while other ranks, not among these, loaded the network"},
        {"reshaped", "prefill tokens replayed as decode, or long-run counts as steps"},
        {"distorted", "not the model's layers: their shape, or what their experts do, was changed"},
        {"warm-weights", "all layers share one set of weights, which may stay in cache"},
        {"synthesised-from-counts", "tokens were drawn to fit recorded counts"}};
    auto const found = meaning.find(tag);
    return found == meaning.end() ? tag : fmt::format("{}: {}", tag, found->second);
}

}  // namespace epsim
