#include "app/expert_traffic.hpp"

#include <fmt/format.h>

#include "placement/figures.hpp"
#include "store/trace_file.hpp"
#include "trace/assignment.hpp"
#include "trace/formats/formats.hpp"

namespace epsim {
namespace {

RoutingCounts read_counts(std::string const& path, ImportRequest request) {
    auto const found = recognise({path}, "");
    if (found.format->holds != Holds::counts)
        throw InputError(
            fmt::format("{} holds no counts (it looks like {}: {}). Give counts of "
                        "experts, or import tokens and give the trace",
                        path, found.format->name, found.evidence));
    request.files = found.files;
    return without_empty(std::get<RoutingCounts>(found.format->read(request)));
}

/// Adds what all sources counted in a step. \param load [L, E]
void add_step(RoutingCounts const& counts, int64_t step, Array<double, 2>& load) {
    for (int r = 0; r < counts.sources; ++r)
        for (std::size_t l = 0; l < counts.layer.size(); ++l) {
            auto const count = counts.at(step, r, l);
            for (std::size_t e = 0; e < count.size(); ++e)
                load(static_cast<int64_t>(l), static_cast<int64_t>(e)) +=
                    static_cast<double>(count[e]);
        }
}

}  // namespace

Array<double, 2> ExpertTraffic::sources(int l, int ranks) const {
    auto const at = static_cast<std::size_t>(l);
    if (!source_load.empty()) return source_load[at];
    auto const n = static_cast<std::size_t>(experts());
    return even_sources(load.flat().subspan(at * n, n), ranks);
}

ExpertTraffic traffic_of_trace(std::string const& path, int ranks) {
    TraceFile const trace(path);
    auto const& info = trace.info();
    auto const layers = std::ssize(info.layer);
    ExpertTraffic traffic{Array<double, 2>({layers, info.num_experts})};
    traffic.layer = info.layer;
    traffic.model = info.model;
    bool const paired = info.num_experts <= most_paired_experts;
    for (int64_t l = 0; l < layers; ++l) {
        traffic.source_load.emplace_back(Array<double, 2>::Shape{ranks, info.num_experts});
        if (paired) traffic.pairs.emplace_back(info.num_experts);
    }
    auto const assign = resolve_assign({.split_sources = true}, info, ranks);
    for (int32_t s = 0; s < info.steps(); ++s)
        for (int32_t r = 0; r < ranks; ++r) {
            auto const tokens = tokens_of_rank(trace, assign, StepId{s}, ranks, RankId{r});
            for (int32_t l = 0; l < layers; ++l) {
                auto const batch = read_tokens(trace, StepId{s}, LayerId{l}, tokens);
                auto const at = static_cast<std::size_t>(l);
                if (paired) traffic.pairs[at].add(batch);
                for (ExpertId const e : batch.expert) {
                    if (e == no_expert) continue;
                    ++traffic.source_load[at](r, index(e));
                    ++traffic.load(l, index(e));
                }
            }
        }
    return traffic;
}

ExpertTraffic traffic_of_counts(std::string const& path, ImportRequest request) {
    auto const counts = read_counts(path, std::move(request));
    ExpertTraffic traffic{Array<double, 2>({std::ssize(counts.layer), counts.num_experts})};
    traffic.layer = counts.layer;
    for (int64_t s = 0; s < counts.steps; ++s) add_step(counts, s, traffic.load);
    return traffic;
}

std::vector<Array<double, 2>> steps_of_trace(std::string const& path) {
    TraceFile const trace(path);
    auto const& info = trace.info();
    std::vector<Array<double, 2>> steps;
    for (int32_t s = 0; s < info.steps(); ++s) {
        auto& load =
            steps.emplace_back(Array<double, 2>::Shape{std::ssize(info.layer), info.num_experts});
        for (int32_t l = 0; l < std::ssize(info.layer); ++l)
            for (ExpertId const e :
                 trace.read(StepId{s}, LayerId{l}, {0, info.tokens_of(StepId{s})}).expert)
                if (e != no_expert) ++load(l, index(e));
    }
    return steps;
}

std::vector<Array<double, 2>> steps_of_counts(std::string const& path, ImportRequest request) {
    auto const counts = read_counts(path, std::move(request));
    std::vector<Array<double, 2>> steps;
    for (int64_t s = 0; s < counts.steps; ++s)
        add_step(counts, s,
                 steps.emplace_back(
                     Array<double, 2>::Shape{std::ssize(counts.layer), counts.num_experts}));
    return steps;
}

}  // namespace epsim
