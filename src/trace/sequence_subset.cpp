#include "trace/sequence_subset.hpp"

#include <algorithm>

#include "trace/limits.hpp"

namespace epsim {

SequenceSubset::SequenceSubset(RoutingSource const& source, std::vector<TokenRange> ranges,
                               int64_t per_step)
    : source_(source), ranges_(std::move(ranges)), info_(source.info()) {
    info_.sequence_offset = {0};
    for (auto const& range : ranges_)
        info_.sequence_offset.push_back(info_.sequence_offset.back() + range.size());
    info_.step_offset = {0};
    int64_t const n = info_.sequence_offset.back();
    while (info_.step_offset.back() < n)
        info_.step_offset.push_back(std::min(info_.step_offset.back() + per_step, n));
}

template <class Piece>
void SequenceSubset::for_pieces(StepId step, TokenRange range, Piece const& piece) const {
    int64_t const first = info_.step_offset[static_cast<std::size_t>(index(step))];
    auto const& border = info_.sequence_offset;
    for (int64_t at = first + range.begin; at < first + range.end;) {
        auto const q =
            static_cast<std::size_t>(std::ranges::upper_bound(border, at) - border.begin() - 1);
        int64_t const end = std::min(border[q + 1], first + range.end);
        int64_t const from = ranges_[q].begin + at - border[q];
        auto const& steps = source_.info().step_offset;
        auto const s = std::ranges::upper_bound(steps, from) - steps.begin() - 1;
        int64_t const in_step = from - steps[static_cast<std::size_t>(s)];
        piece(static_cast<StepId>(s), TokenRange{in_step, in_step + end - at});
        at = end;
    }
}

RoutingBatch SequenceSubset::read(StepId step, LayerId layer, TokenRange range) const {
    check_range(info_, step, layer, range);
    RoutingBatch whole{info_.top_k, {}, {}};
    for_pieces(step, range, [&](StepId s, TokenRange piece) {
        auto const batch = source_.read(s, layer, piece);
        whole.expert.insert(whole.expert.end(), batch.expert.begin(), batch.expert.end());
        whole.weight.insert(whole.weight.end(), batch.weight.begin(), batch.weight.end());
    });
    return whole;
}

std::vector<int32_t> SequenceSubset::column(TokenColumn which, StepId step,
                                            TokenRange range) const {
    check_range(info_, step, LayerId{0}, range);
    std::vector<int32_t> whole;
    for_pieces(step, range, [&](StepId s, TokenRange piece) {
        auto const values = source_.column(which, s, piece);
        whole.insert(whole.end(), values.begin(), values.end());
    });
    return whole;
}

std::vector<TokenRange> stretches(TraceInfo const& info) {
    constexpr int64_t pseudo_sequence = 64;
    std::vector<TokenRange> all;
    for (int64_t t = 0; t < info.tokens();) {
        int64_t end = *std::ranges::upper_bound(info.step_offset, t);
        if (info.sequence_offset.empty())
            end = std::min(end, t + pseudo_sequence);
        else
            end = std::min(end, *std::ranges::upper_bound(info.sequence_offset, t));
        all.push_back({t, end});
        t = end;
    }
    return all;
}

}  // namespace epsim
