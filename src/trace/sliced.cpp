#include "trace/sliced.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

TokenRange moved(TokenRange range, int64_t by) {
    return {range.begin + by, range.end + by};
}

/// Borders within the tokens, counted from their start, ends included.
std::vector<int64_t> cut(std::vector<int64_t> const& border, TokenRange tokens) {
    std::vector<int64_t> left{0};
    for (int64_t const b : border)
        if (b > tokens.begin && b < tokens.end) left.push_back(b - tokens.begin);
    left.push_back(tokens.size());
    left.erase(std::unique(left.begin(), left.end()), left.end());
    return left;
}

}  // namespace

Sliced::Sliced(std::unique_ptr<RoutingSource const> source, TokenRange tokens,
               std::vector<LayerId> layers)
    : source_(std::move(source)), layers_(std::move(layers)), info_(source_->info()) {
    auto const& from = source_->info();
    if (tokens.begin < 0 || tokens.begin >= tokens.end || tokens.end > from.tokens())
        throw InputError(fmt::format("tokens {}:{} are not there (the trace has {}). Correct them",
                                     tokens.begin, tokens.end, from.tokens()));
    info_.layer.clear();
    for (auto const l : layers_)
        info_.layer.push_back(from.layer.at(static_cast<std::size_t>(index(l))));
    info_.step_offset = cut(from.step_offset, tokens);
    if (!from.sequence_offset.empty()) info_.sequence_offset = cut(from.sequence_offset, tokens);
    for (int64_t s = 0; s < info_.steps(); ++s) {
        int64_t const first = tokens.begin + info_.step_offset[static_cast<std::size_t>(s)];
        auto const after = std::ranges::upper_bound(from.step_offset, first);
        place_.push_back(
            {static_cast<StepId>(after - from.step_offset.begin() - 1), first - *(after - 1)});
    }
}

RoutingBatch Sliced::read(StepId step, LayerId layer, TokenRange range) const {
    check_range(info_, step, layer, range);
    auto const& at = place_[static_cast<std::size_t>(index(step))];
    return source_->read(at.step, layers_[static_cast<std::size_t>(index(layer))],
                         moved(range, at.first));
}

std::vector<int32_t> Sliced::column(TokenColumn which, StepId step, TokenRange range) const {
    check_range(info_, step, LayerId{0}, range);
    auto const& at = place_[static_cast<std::size_t>(index(step))];
    return source_->column(which, at.step, moved(range, at.first));
}

}  // namespace epsim
