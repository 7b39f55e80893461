#include "store/conservation.hpp"

#include <fmt/format.h>

#include <cmath>

namespace epsim {
namespace {

using Wide = __int128;                      // sums and products of numbers below
constexpr int64_t most = int64_t{1} << 53;  // tokens or bytes
constexpr int64_t most_row_bytes = int64_t{1} << 32;

constexpr auto to_experts = static_cast<int64_t>(Direction::dispatch);
constexpr auto to_tokens = static_cast<int64_t>(Direction::combine);

std::string differ(std::string const& where, char const* what, Wide found, Wide expected) {
    return fmt::format("{}: {} is {}, not {} ({:+})", where, what, found, expected,
                       found - expected);
}

int64_t steps(RunRecord const& r) {
    return static_cast<int64_t>(r.step.size());
}
int64_t layers(RunRecord const& r) {
    return static_cast<int64_t>(r.layer.size());
}
int64_t ranks(RunRecord const& r) {
    return static_cast<int64_t>(r.topology.size());
}
int64_t experts(RunRecord const& r) {
    return r.expert_tokens.extent(2);
}
int64_t row_bytes(RunRecord const& r, int64_t direction) {
    return direction == to_experts ? r.dispatch_row_bytes : r.combine_row_bytes;
}

std::string at(RunRecord const& r, int64_t l) {
    return fmt::format("layer {}", r.layer[static_cast<std::size_t>(l)]);
}
std::string at(RunRecord const& r, int64_t s, int64_t l) {
    return fmt::format("step {}, {}", r.step[static_cast<std::size_t>(s)], at(r, l));
}
std::string at(RunRecord const& r, int64_t l, int64_t direction, int64_t source,
               int64_t destination) {
    return fmt::format("{}, {}, rank {} to {}", at(r, l),
                       direction_names[static_cast<std::size_t>(direction)], source, destination);
}

/// The first text that visit(step, layer) gives.
template <class Visit>
std::string over_steps(RunRecord const& r, Visit&& visit) {
    for (int64_t s = 0; s < steps(r); ++s)
        for (int64_t l = 0; l < layers(r); ++l)
            if (auto text = visit(s, l); !text.empty()) return text;
    return {};
}

/// The first text that visit(layer, direction, source, destination) gives.
template <class Visit>
std::string over_pairs(RunRecord const& r, Visit&& visit) {
    for (int64_t l = 0; l < layers(r); ++l)
        for (int64_t d = 0; d < static_cast<int64_t>(direction_count); ++d)
            for (int64_t from = 0; from < ranks(r); ++from)
                for (int64_t to = 0; to < ranks(r); ++to)
                    if (auto text = visit(l, d, from, to); !text.empty()) return text;
    return {};
}

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

/// Whether it is plain from the placement alone which rank serves each expert.
bool has_no_replicas(RunRecord const& r) {
    if (r.slot_expert.extent(0) != 1) return false;
    for (int64_t l = 0; l < layers(r); ++l) {
        std::vector<int> slots(static_cast<std::size_t>(experts(r)));
        for (int64_t q = 0; q < r.slot_expert.extent(2); ++q)
            if (auto const e = r.slot_expert(0, l, q);
                e >= 0 && ++slots[static_cast<std::size_t>(e)] > 1)
                return false;
    }
    return true;
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
            if (auto const e = r.slot_expert(0, l, q); e >= 0)
                expected[static_cast<std::size_t>(r.slot_rank[static_cast<std::size_t>(q)])] +=
                    r.expert_tokens(s, l, e);
        for (int64_t n = 0; n < ranks(r); ++n)
            if (r.rank_tokens(s, l, n) != expected[static_cast<std::size_t>(n)])
                return differ(fmt::format("{}, rank {}", at(r, s, l), n), "rank_tokens",
                              r.rank_tokens(s, l, n), expected[static_cast<std::size_t>(n)]);
        return {};
    });
}

/// Dispatched rows arrive where experts are; combined rows leave from there.
std::string selected_is_what_was_received(RunRecord const& r) {
    for (int64_t l = 0; l < layers(r); ++l)
        for (int64_t const d : {to_experts, to_tokens})
            for (int64_t n = 0; n < ranks(r); ++n) {
                Wide rows = 0, bytes = 0;
                for (int64_t s = 0; s < steps(r); ++s) rows += r.rank_tokens(s, l, n);
                for (int64_t other = 0; other < ranks(r); ++other)
                    bytes +=
                        d == to_experts ? r.selected(l, d, other, n) : r.selected(l, d, n, other);
                if (bytes != rows * row_bytes(r, d))
                    return differ(fmt::format("{}, {}, rank {}", at(r, l),
                                              direction_names[static_cast<std::size_t>(d)], n),
                                  "selected", bytes, rows * row_bytes(r, d));
            }
    return {};
}

std::string rows_come_back(RunRecord const& r) {
    return over_pairs(r, [&](int64_t l, int64_t d, int64_t from, int64_t to) -> std::string {
        if (d != to_experts) return {};
        Wide const went = Wide{r.selected(l, to_experts, from, to)} * r.combine_row_bytes;
        Wide const back = Wide{r.selected(l, to_tokens, to, from)} * r.dispatch_row_bytes;
        if (went == back) return {};
        return differ(at(r, l, to_tokens, to, from), "selected", r.selected(l, to_tokens, to, from),
                      went / r.dispatch_row_bytes);
    });
}

std::string payload_is_selected_rows(RunRecord const& r) {
    return over_pairs(r, [&](int64_t l, int64_t d, int64_t from, int64_t to) -> std::string {
        int64_t const payload = r.payload(l, d, from, to), selected = r.selected(l, d, from, to);
        if (payload > selected) return differ(at(r, l, d, from, to), "payload", payload, selected);
        int64_t const rest = payload % row_bytes(r, d);
        if (rest == 0) return {};
        return differ(at(r, l, d, from, to), "payload", payload, payload - rest);
    });
}

std::string wire_carries_it(RunRecord const& r) {
    for (int64_t l = 0; l < layers(r); ++l)
        for (int64_t const d : {to_experts, to_tokens})
            for (int64_t n = 0; n < ranks(r); ++n) {
                Wide wire = 0, sent = 0;
                for (int64_t c = 0; c < r.wire.extent(3); ++c) wire += r.wire(l, d, n, c);
                for (int64_t to = 0; to < ranks(r); ++to)
                    sent += Wide{r.payload(l, d, n, to)} + r.padding(l, d, n, to) +
                            r.metadata(l, d, n, to);
                // Forwarding ranks send what is not theirs: only one hop balances rank by rank.
                if (r.hops == 1 && wire != sent)
                    return differ(fmt::format("{}, {}, rank {}", at(r, l),
                                              direction_names[static_cast<std::size_t>(d)], n),
                                  "wire", wire, sent);
            }
    return {};
}

std::string time_moves_forward(RunRecord const& r) {
    auto const broken = [](double start, double end) {
        return std::isnan(start) != std::isnan(end) || end < start;
    };
    for (std::size_t i = 0; i < r.time_start.flat().size(); ++i)
        if (broken(r.time_start.flat()[i], r.time_end.flat()[i]))
            return fmt::format("a phase runs from {} s to {} s", r.time_start.flat()[i],
                               r.time_end.flat()[i]);
    for (std::size_t i = 0; i < r.step_start.flat().size(); ++i)
        if (broken(r.step_start.flat()[i], r.step_end.flat()[i]))
            return fmt::format("an iteration runs from {} s to {} s", r.step_start.flat()[i],
                               r.step_end.flat()[i]);
    return {};
}

std::string oracle_agrees(RunRecord const& r) {
    if (r.wrong == 0) return {};
    return fmt::format("{} of {} outputs and {} rows were wrong", r.wrong, r.checked, r.identities);
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
    check_rule("selected = assignments received x row bytes", selected_is_what_was_received);
    check_rule("combine selects the transpose of dispatch, in rows", rows_come_back);
    check_rule("payload is whole rows, at most selected", payload_is_selected_rows);
    check_rule("wire = payload + padding + metadata, by sender (one hop)", wire_carries_it);
    check_rule("intervals end after they start", time_moves_forward);
    check_rule("the oracle found nothing wrong", oracle_agrees);
    return findings;
}

}  // namespace epsim
