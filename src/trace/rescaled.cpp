#include "trace/rescaled.hpp"

#include <algorithm>

#include "trace/limits.hpp"
#include "trace/option_range.hpp"
#include "trace/share.hpp"

namespace epsim {
namespace {

constexpr uint32_t start_words = UINT32_MAX;  // no layer: words for where runs begin

/// An integer in [0, n) from a random word.
int64_t below(uint32_t word, int64_t n) {
    return static_cast<int64_t>(uint64_t{word} * static_cast<uint64_t>(n) >> 32);
}

/// Borders of the runs that n tokens of S sources are cut into, from 0.
void add_runs(int64_t n, int64_t sources, std::vector<int64_t>& border) {
    int64_t const first = border.back();
    for (int64_t s = 0; s < sources; ++s) {
        int64_t const end = share_begin(s + 1, n, sources);
        for (int64_t at = share_begin(s, n, sources); at < end; at += Rescaled::run)
            border.push_back(first + std::min(at + Rescaled::run, end));
    }
}

}  // namespace

Rescaled::Rescaled(std::unique_ptr<RoutingSource const> source, Rescaling to)
    : source_(std::move(source)),
      resampled_(to.tokens_per_step != 0 || to.sources != 0),
      rng_(to.seed, RngStream::fit),
      info_(source_->info()) {
    if (to.experts != 0) info_.num_experts = to.experts;
    check_sizes(info_.num_experts, info_.top_k);
    require_option(to.sources >= 0 && to.sources <= most_sources, "--sources", to.sources,
                   "a trace has 1 to 65536; 0 = as it is");
    require_option(to.tokens_per_step >= 0 && to.tokens_per_step <= most_step_tokens, "--tokens",
                   to.tokens_per_step, "a step has 1 to 2^28; 0 = as it is");
    info_.origin = "reshaped";
    if (!resampled_) return;
    if (to.sources != 0) info_.source_count = to.sources;
    info_.columns.clear();
    if (info_.source_count > 1) info_.columns = {TokenColumn::source_rank};
    info_.step_offset = {0};
    info_.sequence_offset = {0};
    for (int64_t s = 0; s < source_->info().steps(); ++s) {
        int64_t const was = source_->info().tokens_of(static_cast<StepId>(s));
        int64_t const n = was == 0 || to.tokens_per_step == 0 ? was : to.tokens_per_step;
        add_runs(n, info_.source_count, info_.sequence_offset);
        info_.step_offset.push_back(info_.step_offset.back() + n);
    }
}

/// [S + 1] first token of each original source; of one source, if they do not come one by one.
std::vector<int64_t> Rescaled::source_offset(StepId step) const {
    auto const& from = source_->info();
    int64_t const n = from.tokens_of(step);
    if (!from.has(TokenColumn::source_rank)) return {0, n};
    auto const column = source_->column(TokenColumn::source_rank, step, {0, n});
    if (!std::ranges::is_sorted(column)) return {0, n};
    std::vector<int64_t> offset;
    for (int32_t s = 0; s <= from.source_count; ++s)
        offset.push_back(std::ranges::lower_bound(column, s) - column.begin());
    return offset;
}

template <class Visit>
void Rescaled::each_piece(StepId step, TokenRange range, Visit const& visit) const {
    if (!resampled_) {
        for (int64_t at = range.begin; at < range.end;) {
            int64_t const end = std::min((at / run + 1) * run, range.end);
            visit(Piece{at, end - at, static_cast<uint64_t>(at / run)});
            at = end;
        }
        return;
    }
    auto const offset = source_offset(step);
    auto const sources = static_cast<int64_t>(offset.size()) - 1;
    int64_t const n = info_.tokens_of(step);
    for (int64_t at = range.begin; at < range.end;) {
        int64_t const s = at * info_.source_count / n;
        int64_t const first = share_begin(s, n, info_.source_count);
        int64_t const begin = first + (at - first) / run * run;  // of the run
        int64_t const end =
            std::min({begin + run, share_begin(s + 1, n, info_.source_count), range.end});
        auto const was = static_cast<std::size_t>(s * sources / info_.source_count);
        int64_t low = offset[was], high = offset[was + 1];
        if (low == high) low = 0, high = offset.back();  // that source had no tokens here
        int64_t const length = std::min(run, high - low);
        auto const word = rng_.words(start_words, static_cast<uint32_t>(index(step)),
                                     static_cast<uint64_t>(begin))[0];
        int64_t const start = low + below(word, high - low - length + 1);
        int64_t const skipped = (at - begin) % length;  // short sources are gone through again
        int64_t const tokens = std::min(end - at, length - skipped);
        visit(Piece{start + skipped, tokens, static_cast<uint64_t>(begin)});
        at += tokens;
    }
}

void Rescaled::map_experts(RoutingBatch& batch, StepId step, LayerId layer, uint64_t chance) const {
    int64_t const was = source_->info().num_experts, now = info_.num_experts;
    if (was == now) return;
    auto const k = static_cast<std::size_t>(batch.top_k);
    for (std::size_t t = 0; t < batch.expert.size(); t += k)
        for (std::size_t i = t; i < t + k; ++i) {
            if (batch.expert[i] == no_expert) continue;
            int64_t const e = index(batch.expert[i]);
            int64_t const low = now > was ? share_begin(e, now, was) : e * now / was;
            int64_t const copies = now > was ? share_begin(e + 1, now, was) - low : 1;
            auto const word =
                rng_.words(static_cast<uint32_t>(index(layer)), static_cast<uint32_t>(index(step)),
                           chance << 16 | static_cast<uint64_t>(e))[0];
            auto mapped = static_cast<ExpertId>(low + below(word, copies));
            auto const mine = batch.expert.begin() + static_cast<std::ptrdiff_t>(t);
            auto const before = batch.expert.begin() + static_cast<std::ptrdiff_t>(i);
            while (std::find(mine, before, mapped) != before)
                mapped = static_cast<ExpertId>((index(mapped) + 1) % now);
            batch.expert[i] = mapped;
        }
}

RoutingBatch Rescaled::read(StepId step, LayerId layer, TokenRange range) const {
    check_range(info_, step, layer, range);
    RoutingBatch whole{info_.top_k, {}, {}};
    each_piece(step, range, [&](Piece const& piece) {
        auto batch = source_->read(step, layer, {piece.from, piece.from + piece.tokens});
        map_experts(batch, step, layer, piece.chance);
        whole.expert.insert(whole.expert.end(), batch.expert.begin(), batch.expert.end());
        whole.weight.insert(whole.weight.end(), batch.weight.begin(), batch.weight.end());
    });
    return whole;
}

std::vector<int32_t> Rescaled::column(TokenColumn which, StepId step, TokenRange range) const {
    check(info_.has(which), "the source has the column");
    if (!resampled_) return source_->column(which, step, range);
    check_range(info_, step, LayerId{0}, range);
    int64_t const n = info_.tokens_of(step);
    std::vector<int32_t> source;
    for (int64_t t = range.begin; t < range.end; ++t)
        source.push_back(static_cast<int32_t>(t * info_.source_count / n));
    return source;
}

}  // namespace epsim
