#include "trace/restepped.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "trace/limits.hpp"

namespace epsim {

Restepped::Restepped(std::unique_ptr<RoutingSource const> source, int64_t per_step, int64_t steps)
    : source_(std::move(source)), info_(source_->info()) {
    if (per_step < 0 || steps < 0)
        throw InputError(
            fmt::format("tokens.per_step = {} and tokens.steps = {} are out of range (0 = as "
                        "recorded, all). Correct them",
                        per_step, steps));
    if (per_step > 0) {
        int64_t const tokens = info_.tokens();
        int64_t const count = tokens / per_step + (tokens % per_step != 0);
        if (count > most_steps)
            throw InputError(
                fmt::format("tokens.per_step = {} makes {} steps of the trace ({} at most). Raise "
                            "it",
                            per_step, count, most_steps));
        info_.step_offset.clear();
        for (int64_t s = 0; s < count; ++s) info_.step_offset.push_back(s * per_step);
        info_.step_offset.push_back(tokens);
    }
    if (steps > info_.steps())
        throw InputError(fmt::format(
            "tokens.steps = {} exceeds the {} steps of the trace (of {} tokens). Lower it", steps,
            info_.steps(), info_.tokens()));
    if (steps > 0) info_.step_offset.resize(static_cast<std::size_t>(steps) + 1);

    // Sequences end where the tokens do.
    auto& border = info_.sequence_offset;
    if (border.empty() || border.back() <= info_.tokens()) return;
    border.erase(std::ranges::lower_bound(border, info_.tokens()), border.end());
    border.push_back(info_.tokens());
}

template <class Piece>
void Restepped::for_pieces(StepId step, TokenRange range, Piece const& piece) const {
    auto const& offset = source_->info().step_offset;
    int64_t const start = info_.step_offset[static_cast<std::size_t>(index(step))];
    int64_t const end = start + range.end;
    auto next = std::ranges::upper_bound(offset, start + range.begin);
    for (int64_t at = start + range.begin; at < end; at = *next++) {
        int64_t const first = *(next - 1);
        if (first == *next) continue;  // a step without tokens
        piece(StepId{static_cast<int32_t>(next - offset.begin() - 1)},
              TokenRange{at - first, std::min(*next, end) - first});
    }
}

RoutingBatch Restepped::read(StepId step, LayerId layer, TokenRange range) const {
    check_range(info_, step, layer, range);
    RoutingBatch whole{info_.top_k, {}, {}};
    for_pieces(step, range, [&](StepId s, TokenRange piece) {
        auto batch = source_->read(s, layer, piece);
        if (whole.expert.empty()) {
            whole = std::move(batch);
            return;
        }
        whole.expert.insert(whole.expert.end(), batch.expert.begin(), batch.expert.end());
        whole.weight.insert(whole.weight.end(), batch.weight.begin(), batch.weight.end());
    });
    return whole;
}

std::vector<int32_t> Restepped::column(TokenColumn which, StepId step, TokenRange range) const {
    check_range(info_, step, LayerId{0}, range);
    std::vector<int32_t> whole;
    for_pieces(step, range, [&](StepId s, TokenRange piece) {
        auto const values = source_->column(which, s, piece);
        whole.insert(whole.end(), values.begin(), values.end());
    });
    return whole;
}

std::unique_ptr<RoutingSource const> restep(std::unique_ptr<RoutingSource const> source,
                                            TokenOptions const& options) {
    if (options.per_step == 0 && options.steps == 0) return source;
    return std::make_unique<Restepped>(std::move(source), options.per_step, options.steps);
}

}  // namespace epsim
