#include "measure/run_check.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.hpp"

namespace epsim {
namespace {

[[noreturn]] void refuse(std::string const& problem) {
    throw InputError(fmt::format(
        "{} (no run leaves this behind). The file is damaged: make the run again", problem));
}

template <class T, std::size_t N>
void expect(char const* name, Array<T, N> const& array, std::array<int64_t, N> const& shape) {
    if (!array.empty() && array.shape() != shape)
        refuse(fmt::format("{} is [{}], not [{}]", name, fmt::join(array.shape(), ", "),
                           fmt::join(shape, ", ")));
}

void expect_size(char const* name, std::size_t size, int64_t wanted) {
    if (static_cast<int64_t>(size) != wanted)
        refuse(fmt::format("{} has {} values, not {}", name, size, wanted));
}

void expect_counts(char const* name, std::span<int64_t const> counts) {
    constexpr int64_t limit = int64_t{1} << 60;  // sums of a few arrays still fit
    int64_t sum = 0;
    for (auto const n : counts) {
        if (n < 0 || n > limit - sum) refuse(fmt::format("{} holds an absurd count {}", name, n));
        sum += n;
    }
}

void check_counts(RunRecord const& record) {
    expect_counts("step_tokens", record.step_tokens);
    expect_counts("expert_tokens", record.expert_tokens.flat());
    expect_counts("rank_tokens", record.rank_tokens.flat());
    expect_counts("dropped", record.dropped.flat());
    expect_counts("source_dropped", record.source_dropped.flat());
    expect_counts("selected", record.selected.flat());
    expect_counts("payload", record.payload.flat());
    expect_counts("padding", record.padding.flat());
    expect_counts("metadata", record.metadata.flat());
    expect_counts("wire", record.wire.flat());
}

}  // namespace

void check_run(RunRecord const& record) {
    auto const steps = static_cast<int64_t>(record.step.size());
    auto const iterations = static_cast<int64_t>(record.step_of.size());
    auto const layers = static_cast<int64_t>(record.layer.size());
    auto const ranks = static_cast<int64_t>(record.topology.size());
    auto const classes = static_cast<int64_t>(record.link_class.size());
    auto const experts = record.expert_tokens.extent(2);
    constexpr auto phases = static_cast<int64_t>(phase_count);
    constexpr auto directions = static_cast<int64_t>(direction_count);

    expect("time_start", record.time_start, {iterations, layers, phases, ranks});
    expect("time_end", record.time_end, record.time_start.shape());
    expect("time_wait", record.time_wait, record.time_start.shape());
    expect("step_start", record.step_start, {iterations, ranks});
    expect("step_end", record.step_end, record.step_start.shape());
    expect("sequential_phase", record.sequential_phase, {steps, layers, phases, ranks});
    if (!record.sequential_step.empty())
        expect_size("sequential_step", record.sequential_step.size(), steps);
    if (record.sequential_phase.empty() != record.sequential_step.empty())
        refuse("steps without overlap lack their phases");
    if (record.time_start.empty() != record.time_end.empty()) refuse("a phase lacks start or end");
    if (record.step_start.empty() != record.step_end.empty()) refuse("a step lacks start or end");
    expect_size("is_warmup", record.is_warmup.size(), iterations);
    if (!record.step_loaded.empty()) expect_size("step_loaded", record.step_loaded.size(), steps);
    for (auto const s : record.step_of)
        if (s < 0 || s >= steps) refuse(fmt::format("step_of holds {} of {} steps", s, steps));
    for (auto const& place : record.topology)
        if (place.node < 0 || place.node >= ranks)
            refuse(fmt::format("a rank is on node {} of {} ranks", place.node, ranks));
    expect("link_seconds", record.link_seconds,
           {static_cast<int64_t>(record.size.size()), ranks, ranks});
    expect("bound", record.bound, {steps, layers, phases});
    expect("least_bound", record.least_bound, {steps, layers, phases});
    expect("bound_resource", record.bound_resource, {steps, layers, phases});
    for (auto const resource : record.bound_resource.flat())
        if (resource < -1 || resource >= std::ssize(record.resource))
            refuse(fmt::format("a phase is limited by resource {} of {}", resource,
                               record.resource.size()));
    expect_size("step_tokens", record.step_tokens.size(), steps);
    expect("expert_tokens", record.expert_tokens, {steps, layers, experts});
    expect("rank_tokens", record.rank_tokens, {steps, layers, ranks});
    if (!record.expert_tokens.empty())
        expect("dropped", record.dropped, record.expert_tokens.shape());
    expect("source_dropped", record.source_dropped,
           {steps, layers, record.source_dropped.extent(2)});
    expect("health", record.health, {steps, layers, std::ssize(record.health_figure)});
    for (auto const* matrix :
         {&record.selected, &record.payload, &record.padding, &record.metadata})
        expect("a traffic matrix", *matrix, {layers, directions, ranks, ranks});
    expect("wire", record.wire, {layers, directions, ranks, classes});
    expect("slot_expert", record.slot_expert,
           {record.slot_expert.extent(0), layers, static_cast<int64_t>(record.slot_rank.size())});
    for (auto const rank : record.slot_rank)
        if (rank < 0 || rank >= ranks)
            refuse(fmt::format("a slot is on rank {} of {}", rank, ranks));
    check_counts(record);
}

}  // namespace epsim
