#include "store/conservation.hpp"

#include "store/rules.hpp"
#include "store/traffic_rules.hpp"

namespace epsim {
namespace {

using namespace rules;

constexpr int64_t most = int64_t{1} << 53;  // tokens or bytes
constexpr int64_t most_row_bytes = int64_t{1} << 32;

std::string nothing_absurd(RunRecord const& r) {
    std::string text;
    auto const look_at = [&](char const* name, std::span<int64_t const> numbers) {
        for (auto const n : numbers)
            if (n < 0 || n > most) text = fmt::format("{} has {}", name, n);
    };
    look_at("/load/step_tokens", r.step_tokens);
    look_at("/load/expert_tokens", r.expert_tokens.flat());
    look_at("/load/rank_tokens", r.rank_tokens.flat());
    look_at("/load/dropped", r.dropped.flat());
    look_at("/load/unrouted", r.unrouted.flat());
    look_at("/traffic/selected", r.selected.flat());
    look_at("/traffic/payload", r.payload.flat());
    look_at("/traffic/padding", r.padding.flat());
    look_at("/traffic/metadata", r.metadata.flat());
    look_at("/traffic/wire", r.wire.flat());
    for (auto const bytes : {r.dispatch_row_bytes, r.combine_row_bytes})
        if (bytes <= 0 || bytes > most_row_bytes) text = fmt::format("a row has {} bytes", bytes);
    return text;
}

std::string every_choice_is_somewhere(RunRecord const& r) {
    return over_steps(r, [&](int64_t s, int64_t l) -> std::string {
        Wide found = r.unrouted(s, l);
        for (int64_t e = 0; e < experts(r); ++e)
            found += Wide{r.expert_tokens(s, l, e)} + r.dropped(s, l, e);
        Wide const expected = Wide{r.step_tokens[static_cast<std::size_t>(s)]} * r.top_k;
        if (found == expected) return {};
        return differ(at(r, s, l), "served + dropped + unrouted", found, expected);
    });
}

int64_t version_of(RunRecord const& r, int64_t step) {
    return r.step_version.empty() ? 0 : r.step_version[static_cast<std::size_t>(step)];
}

/// Whether it is plain from the placement alone which rank serves each expert.
bool has_no_replicas(RunRecord const& r) {
    if (r.slot_expert.extent(0) > 1 && r.step_version.empty()) return false;
    for (int64_t v = 0; v < r.slot_expert.extent(0); ++v)
        for (int64_t l = 0; l < layers(r); ++l) {
            std::vector<int> slots(static_cast<std::size_t>(experts(r)));
            for (int64_t q = 0; q < r.slot_expert.extent(2); ++q)
                if (auto const e = r.slot_expert(v, l, q);
                    e >= 0 && ++slots[static_cast<std::size_t>(e)] > 1)
                    return false;
        }
    return r.slot_expert.extent(0) > 0;
}

std::string ranks_receive_what_experts_serve(RunRecord const& r) {
    bool const by_rank = has_no_replicas(r);
    return over_steps(r, [&](int64_t s, int64_t l) -> std::string {
        Wide by_experts = 0, by_ranks = 0;
        for (int64_t e = 0; e < experts(r); ++e) by_experts += r.expert_tokens(s, l, e);
        for (int64_t n = 0; n < ranks(r); ++n) by_ranks += r.rank_tokens(s, l, n);
        if (by_ranks != by_experts)
            return differ(at(r, s, l), "sum of rank_tokens", by_ranks, by_experts);
        if (!by_rank) return {};
        std::vector<Wide> expected(static_cast<std::size_t>(ranks(r)));
        for (int64_t q = 0; q < r.slot_expert.extent(2); ++q)
            if (auto const e = r.slot_expert(version_of(r, s), l, q); e >= 0)
                expected[static_cast<std::size_t>(r.slot_rank[static_cast<std::size_t>(q)])] +=
                    r.expert_tokens(s, l, e);
        for (int64_t n = 0; n < ranks(r); ++n)
            if (r.rank_tokens(s, l, n) != expected[static_cast<std::size_t>(n)])
                return differ(fmt::format("{}, rank {}", at(r, s, l), n), "rank_tokens",
                              r.rank_tokens(s, l, n), expected[static_cast<std::size_t>(n)]);
        return {};
    });
}

std::string moves_are_between_ranks(RunRecord const& r) {
    Wide by_step = 0, by_pair = 0;
    for (int64_t const bytes : r.step_moved) by_step += bytes;
    for (int64_t const bytes : r.moved_weights.flat()) by_pair += bytes;
    return by_step == by_pair ? "" : differ("all steps", "step_moved", by_step, by_pair);
}

}  // namespace

std::vector<Finding> check_conservation(RunRecord const& record) {
    std::vector<Finding> findings{
        {"counts and sizes are from 0 to 2^53, rows have bytes", nothing_absurd(record)}};
    if (!findings.front().violation.empty()) return findings;
    auto const check_rule = [&](char const* rule, auto&& violation) {
        findings.push_back({rule, violation(record)});
    };
    check_rule("served + dropped + unrouted = tokens x top_k", every_choice_is_somewhere);
    check_rule("assignments that ranks received = those that their experts served",
               ranks_receive_what_experts_serve);
    if (!record.step_version.empty())
        check_rule("weights that move in all steps = those that move from rank to rank",
                   moves_are_between_ranks);
    for (auto& finding : check_traffic(record)) findings.push_back(std::move(finding));
    return findings;
}

}  // namespace epsim
