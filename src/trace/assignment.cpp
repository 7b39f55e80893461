#include "trace/assignment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>

#include "core/error.hpp"
#include "core/text.hpp"
#include "trace/share.hpp"

namespace epsim {
namespace {

constexpr int64_t column_piece =
    int64_t{64} * 1024;  // tokens whose source ranks are looked at together
constexpr int64_t widest_range = int64_t{64} * 1024;  // tokens that one read may span
constexpr int64_t widest_gap = 1024;  // unwanted tokens that cost less than another read

std::vector<int64_t> iota(int64_t begin, int64_t end) {
    std::vector<int64_t> tokens(static_cast<std::size_t>(std::max<int64_t>(end - begin, 0)));
    std::iota(tokens.begin(), tokens.end(), begin);
    return tokens;
}

std::vector<int64_t> of_recorded(RoutingSource const& source, StepId step, int64_t ranks,
                                 int64_t rank) {
    int64_t const sources = source.info().source_count;
    int64_t const n = source.info().tokens_of(step);
    // The last source that starts on this rank or before it: the only one if ranks > sources.
    int64_t const mine = share_begin(rank + 1, sources, ranks) - 1;
    std::vector<int64_t> tokens;
    for (int64_t begin = 0; begin < n; begin += column_piece) {
        TokenRange const range{begin, std::min(begin + column_piece, n)};
        auto const column = source.column(TokenColumn::source_rank, step, range);
        for (std::size_t i = 0; i < column.size(); ++i) {
            int64_t const s = column[i];
            if (s < 0 || s >= sources)
                throw InputError(fmt::format(
                    "source rank {} of token {} in step {} is out of range (the trace states {} "
                    "sources). Record the trace again",
                    s, begin + static_cast<int64_t>(i), index(step), sources));
            if (ranks > sources ? s == mine : s * ranks / sources == rank)
                tokens.push_back(begin + static_cast<int64_t>(i));
        }
    }
    if (ranks <= sources) return tokens;

    int64_t const first = mine * ranks / sources;
    int64_t const parts = (mine + 1) * ranks / sources - first;
    auto const size = static_cast<int64_t>(tokens.size());
    auto const begin = tokens.begin() + share_begin(rank - first, size, parts);
    auto const end = tokens.begin() + share_begin(rank - first + 1, size, parts);
    return {begin, end};
}

/// The border of a sequence (of this step) that is nearest to the first token of `rank`'s even
/// share; the lower one of two that are equally near.
int64_t sequence_cut(TraceInfo const& info, StepId step, int64_t ranks, int64_t rank) {
    auto const s = static_cast<std::size_t>(index(step));
    int64_t const begin = info.step_offset[s];
    int64_t const n = info.step_offset[s + 1] - begin;
    // The share begins at rank n / ranks = whole + part / ranks.
    int64_t const whole = rank * (n / ranks) + rank * (n % ranks) / ranks;
    int64_t const part = rank * (n % ranks) % ranks;
    auto const above = std::ranges::upper_bound(info.sequence_offset, begin + whole);
    int64_t const high = above == info.sequence_offset.end() ? n : std::min(*above - begin, n);
    int64_t const low =
        above == info.sequence_offset.begin() ? 0 : std::max<int64_t>(*(above - 1) - begin, 0);
    // high is nearer where high + low < 2 (whole + part / ranks).
    int64_t const excess = high + low - 2 * whole;
    return excess < 0 || (excess < 2 && excess * ranks < 2 * part) ? high : low;
}

std::vector<int64_t> of_round_robin(int64_t n, int64_t ranks, int64_t rank) {
    std::vector<int64_t> tokens;
    for (int64_t t = rank; t < n; t += ranks) tokens.push_back(t);
    return tokens;
}

}  // namespace

Assign resolve_assign(TokenOptions const& options, TraceInfo const& info, int ranks) {
    static std::array<std::string, 5> const names{"auto", "recorded", "sequence", "contiguous",
                                                  "round-robin"};
    check(ranks > 0, "there is at least one rank");
    auto const found = std::ranges::find(names, options.assign);
    if (found == names.end())
        throw InputError(fmt::format("tokens.assign = '{}' is unknown (nearest: '{}'). Use {}",
                                     options.assign, nearest(options.assign, names),
                                     fmt::join(names, ", ")));
    bool const has_sources = info.has(TokenColumn::source_rank);
    bool const has_sequences = !info.sequence_offset.empty();
    Assign assign = has_sources     ? Assign::recorded
                    : has_sequences ? Assign::sequence
                                    : Assign::contiguous;
    if (found != names.begin()) assign = static_cast<Assign>(found - names.begin() - 1);

    if (assign == Assign::recorded && !has_sources)
        throw InputError(
            "tokens.assign = recorded has nothing to go by (the trace has no /source_rank). Use "
            "sequence, contiguous or round-robin");
    if (assign == Assign::sequence && !has_sequences)
        throw InputError(
            "tokens.assign = sequence has nothing to go by (the trace has no /sequence_offset). "
            "Use contiguous or round-robin");
    if (assign == Assign::recorded && ranks > info.source_count && !options.split_sources)
        throw InputError(fmt::format(
            "{} ranks exceed the trace's {} sources (the tokens of a source start on one rank). "
            "Set tokens.split_sources, or tokens.assign = contiguous",
            ranks, info.source_count));
    return assign;
}

std::vector<int64_t> tokens_of_rank(RoutingSource const& source, Assign assign, StepId step,
                                    int ranks, RankId rank) {
    check(index(rank) >= 0 && index(rank) < ranks, "the rank is one of the ranks");
    int64_t const n = source.info().tokens_of(step);
    int64_t const r = index(rank);
    switch (assign) {
        case Assign::recorded:
            return of_recorded(source, step, ranks, r);
        case Assign::sequence:
            return iota(sequence_cut(source.info(), step, ranks, r),
                        sequence_cut(source.info(), step, ranks, r + 1));
        case Assign::contiguous:
            return iota(share_begin(r, n, ranks), share_begin(r + 1, n, ranks));
        case Assign::round_robin:
            return of_round_robin(n, ranks, r);
    }
    check(false, "assign is one of its values");
    return {};
}

RoutingBatch read_tokens(RoutingSource const& source, StepId step, LayerId layer,
                         std::span<int64_t const> tokens) {
    RoutingBatch result{.top_k = source.info().top_k, .expert = {}, .weight = {}};
    auto const k = static_cast<std::size_t>(result.top_k);
    result.expert.reserve(tokens.size() * k);
    result.weight.reserve(tokens.size() * k);
    for (std::size_t first = 0, last = 0; first < tokens.size(); first = last) {
        for (last = first + 1; last < tokens.size(); ++last)
            if (tokens[last] - tokens[last - 1] > widest_gap ||
                tokens[last] - tokens[first] >= widest_range)
                break;
        auto const batch = source.read(step, layer, {tokens[first], tokens[last - 1] + 1});
        for (std::size_t i = first; i < last; ++i) {
            auto const at = static_cast<std::ptrdiff_t>(tokens[i] - tokens[first]) * result.top_k;
            std::copy_n(batch.expert.begin() + at, k, std::back_inserter(result.expert));
            std::copy_n(batch.weight.begin() + at, k, std::back_inserter(result.weight));
        }
    }
    return result;
}

}  // namespace epsim
