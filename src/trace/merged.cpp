#include "trace/merged.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

void require_same(TraceInfo const& a, TraceInfo const& b) {
    if (a.num_experts == b.num_experts && a.top_k == b.top_k && a.layer == b.layer) return;
    throw InputError(fmt::format(
        "traces of top-{} of {} experts, layers [{}], and of top-{} of {}, layers [{}], cannot "
        "be merged (their tokens differ in kind). Slice them to the same layers, or merge others",
        a.top_k, a.num_experts, fmt::join(a.layer, ", "), b.top_k, b.num_experts,
        fmt::join(b.layer, ", ")));
}

/// Offsets of what follows, which begin at 0.
void append_offsets(std::vector<int64_t>& all, std::vector<int64_t> const& more) {
    int64_t const first = all.back();
    for (std::size_t i = 1; i < more.size(); ++i) all.push_back(first + more[i]);
}

}  // namespace

Merged::Merged(std::vector<std::unique_ptr<RoutingSource const>> parts)
    : parts_(std::move(parts)), first_step_{0} {
    if (parts_.empty()) throw InputError("there is nothing to merge (no trace). Name some");
    info_ = parts_[0]->info();
    info_.step_offset = {0};
    if (!info_.sequence_offset.empty()) info_.sequence_offset = {0};
    for (auto const& part : parts_) append(*part);
}

void Merged::append(RoutingSource const& part) {
    auto const& more = part.info();
    require_same(info_, more);
    append_offsets(info_.step_offset, more.step_offset);
    if (more.sequence_offset.empty()) info_.sequence_offset.clear();
    if (!info_.sequence_offset.empty()) append_offsets(info_.sequence_offset, more.sequence_offset);
    std::erase_if(info_.columns, [&](TokenColumn c) { return !more.has(c); });
    info_.has_weights = info_.has_weights && more.has_weights;
    info_.source_count = std::max(info_.source_count, more.source_count);
    if (info_.origin != more.origin) info_.origin = "reshaped";
    for (auto const text : {&TraceInfo::producer, &TraceInfo::source, &TraceInfo::model})
        if (info_.*text != more.*text) (info_.*text).clear();
    first_step_.push_back(info_.steps());
}

Merged::Place Merged::place(StepId step) const {
    auto const after = std::ranges::upper_bound(first_step_, int64_t{index(step)});
    auto const part = after - first_step_.begin() - 1;
    return {parts_[static_cast<std::size_t>(part)].get(),
            static_cast<StepId>(index(step) - *(after - 1))};
}

RoutingBatch Merged::read(StepId step, LayerId layer, TokenRange range) const {
    check_range(info_, step, layer, range);
    auto const at = place(step);
    return at.part->read(at.step, layer, range);
}

std::vector<int32_t> Merged::column(TokenColumn which, StepId step, TokenRange range) const {
    check_range(info_, step, LayerId{0}, range);
    check(info_.has(which), "the source has the column");
    auto const at = place(step);
    return at.part->column(which, at.step, range);
}

}  // namespace epsim
