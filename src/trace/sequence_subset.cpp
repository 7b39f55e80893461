#include "trace/sequence_subset.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "core/error.hpp"
#include "trace/limits.hpp"
#include "trace/share.hpp"

namespace epsim {

SequenceSubset::SequenceSubset(RoutingSource const& source, std::span<Stretch const> stretches,
                               int64_t steps)
    : source_(source), info_(source.info()) {
    info_.sequence_offset = {0};
    info_.step_offset.assign(static_cast<std::size_t>(steps) + 1, 0);
    for (auto const& stretch : stretches) {
        ranges_.push_back(stretch.range);
        info_.sequence_offset.push_back(info_.sequence_offset.back() + stretch.range.size());
        info_.step_offset[static_cast<std::size_t>(stretch.step) + 1] += stretch.range.size();
    }
    std::partial_sum(info_.step_offset.begin(), info_.step_offset.end(), info_.step_offset.begin());
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

namespace {

/// [T] where tokens came from; all 0 if that is not known.
std::vector<int32_t> sources_of(RoutingSource const& source) {
    auto const& info = source.info();
    if (!info.has(TokenColumn::source_rank))
        return std::vector<int32_t>(static_cast<std::size_t>(info.tokens()));
    std::vector<int32_t> all;
    for (int64_t s = 0; s < info.steps(); ++s) {
        auto const step = static_cast<StepId>(s);
        auto const column =
            source.column(TokenColumn::source_rank, step, {0, info.tokens_of(step)});
        all.insert(all.end(), column.begin(), column.end());
    }
    return all;
}

/// [steps] Which step each becomes: one with less than half the mean tokens goes to that before it,
/// since it would differ from others by chance.
std::vector<int64_t> without_short_steps(TraceInfo const& info) {
    std::vector<int64_t> becomes;
    double const mean = static_cast<double>(info.tokens()) / static_cast<double>(info.steps());
    for (int64_t s = 0; s < info.steps(); ++s) {
        bool const is_short =
            static_cast<double>(info.tokens_of(static_cast<StepId>(s))) < mean / 2;
        becomes.push_back(s == 0 ? 0 : becomes.back() + (is_short ? 0 : 1));
    }
    return becomes;
}

}  // namespace

std::vector<Stretch> stretches(RoutingSource const& source) {
    constexpr int64_t longest_pair = 128;
    auto const& info = source.info();
    auto const origin = sources_of(source);
    bool const has_sequences = !info.sequence_offset.empty();
    std::vector<Stretch> all;
    for (int64_t t = 0, step = 0; t < info.tokens();) {
        while (info.step_offset[static_cast<std::size_t>(step) + 1] <= t) ++step;
        int64_t end = info.step_offset[static_cast<std::size_t>(step) + 1];
        if (has_sequences) end = std::min(end, *std::ranges::upper_bound(info.sequence_offset, t));
        auto const from = origin.begin() + t;
        end = std::find_if(from, origin.begin() + end, [&](int32_t s) { return s != *from; }) -
              origin.begin();
        int64_t const n = end - t, pairs = (n + longest_pair - 1) / longest_pair;
        int64_t const pieces = has_sequences ? 1 : std::min(n, 2 * pairs);
        for (int64_t i = 0; i < pieces; ++i) {
            TokenRange const range{t + share_begin(i, n, pieces),
                                   t + share_begin(i + 1, n, pieces)};
            all.push_back({range, *from, step});
        }
        t = end;
    }
    return all;
}

SequenceSubset half_of(RoutingSource const& source, int which) {
    auto const step = without_short_steps(source.info());
    std::map<int32_t, int> next;  // half that a source's next stretch goes to, first by its number:
                                  // in every step both halves have some
    std::vector<Stretch> chosen;
    for (auto stretch : stretches(source)) {
        int& half = next.try_emplace(stretch.source, stretch.source % 2).first->second;
        if (std::exchange(half, 1 - half) != which) continue;
        stretch.step = step[static_cast<std::size_t>(stretch.step)];
        chosen.push_back(stretch);
    }
    if (chosen.empty())
        throw InputError(
            "the trace has fewer than two sequences (one half is fitted, the other "
            "compared with). Use a longer one");
    return {source, chosen, step.back() + 1};
}

}  // namespace epsim
