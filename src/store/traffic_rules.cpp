#include "store/traffic_rules.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "cluster/cluster_topology.hpp"
#include "store/rules.hpp"

namespace epsim {
namespace {

using namespace rules;

int64_t row_bytes(RunRecord const& r, int64_t direction) {
    return direction == to_experts ? r.dispatch_row_bytes : r.combine_row_bytes;
}

std::string at(RunRecord const& r, int64_t l, int64_t direction, int64_t source,
               int64_t destination) {
    return fmt::format("{}, {}, rank {} to {}", rules::at(r, l),
                       direction_names[static_cast<std::size_t>(direction)], source, destination);
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

/// Whether rows go this way at all.
bool comes_back(RunRecord const& r, int64_t direction) {
    return direction == to_experts || !exchange_only(r);
}

/// Dispatched rows arrive where experts are; combined rows leave from there.
std::string selected_is_what_was_received(RunRecord const& r) {
    for (int64_t l = 0; l < layers(r); ++l)
        for (int64_t const d : {to_experts, to_tokens})
            for (int64_t n = 0; n < ranks(r) && comes_back(r, d); ++n) {
                Wide rows = 0, bytes = 0;
                for (int64_t s = 0; s < steps(r); ++s) rows += r.rank_tokens(s, l, n);
                for (int64_t other = 0; other < ranks(r); ++other)
                    bytes +=
                        d == to_experts ? r.selected(l, d, other, n) : r.selected(l, d, n, other);
                if (bytes != rows * row_bytes(r, d))
                    return differ(fmt::format("{}, {}, rank {}", rules::at(r, l),
                                              direction_names[static_cast<std::size_t>(d)], n),
                                  "selected", bytes, rows * row_bytes(r, d));
            }
    return {};
}

std::string rows_come_back(RunRecord const& r) {
    return over_pairs(r, [&](int64_t l, int64_t d, int64_t from, int64_t to) -> std::string {
        if (d != to_experts || exchange_only(r)) return {};
        Wide const went = Wide{r.selected(l, to_experts, from, to)} * r.combine_row_bytes;
        Wide const back = Wide{r.selected(l, to_tokens, to, from)} * r.dispatch_row_bytes;
        if (went == back) return {};
        return differ(at(r, l, to_tokens, to, from), "selected", r.selected(l, to_tokens, to, from),
                      went / r.dispatch_row_bytes);
    });
}

/// Rows of a pair: as many as were selected, or fewer that serve several assignments (dedup). A row
/// for a node counts as its first rank's, so that another rank of the node may have none.
std::string rows_serve_assignments(RunRecord const& r) {
    return over_pairs(r, [&](int64_t l, int64_t d, int64_t from, int64_t to) -> std::string {
        int64_t const payload = r.payload(l, d, from, to), selected = r.selected(l, d, from, to);
        bool const merges = r.dedup != "none", whole = payload % row_bytes(r, d) == 0;
        bool const enough = r.dedup == "node" || Wide{payload} * r.top_k >= selected;
        if (merges ? payload <= selected && enough && whole : payload == selected) return {};
        if (!merges) return differ(at(r, l, d, from, to), "payload", payload, selected);
        return fmt::format("{}: payload is {}, which cannot serve {} of top-{} assignments",
                           at(r, l, d, from, to), payload, selected, r.top_k);
    });
}

/// Payload and padding of a pair: as many rows as there is room for, each step and part (padded);
/// to the experts all tokens of the source (allgather), the same for every destination. Nobody else
/// sends rows for nothing.
std::string padding_fills_up(RunRecord const& r) {
    bool const pads = r.algorithm == "padded", gathers = r.algorithm == "allgather";
    return over_pairs(r, [&](int64_t l, int64_t d, int64_t from, int64_t to) -> std::string {
        auto const rows = [&](int64_t destination) {
            return Wide{r.payload(l, d, from, destination)} + r.padding(l, d, from, destination);
        };
        bool const filled = pads || (gathers && d == to_experts);
        Wide const expected =
            pads ? Wide{r.capacity} * r.parts * steps(r) * row_bytes(r, d) : rows(0);
        if (!filled && r.padding(l, d, from, to) != 0)
            return differ(at(r, l, d, from, to), "padding", r.padding(l, d, from, to), 0);
        if (!filled || rows(to) == expected) return {};
        return differ(at(r, l, d, from, to), "payload + padding", rows(to), expected);
    });
}

/// Every token comes to every rank once (allgather).
std::string everybody_gets_every_token(RunRecord const& r) {
    if (r.algorithm != "allgather") return {};
    Wide tokens = 0;
    for (auto const n : r.step_tokens) tokens += n;
    for (int64_t l = 0; l < layers(r); ++l) {
        Wide bytes = 0;
        for (int64_t from = 0; from < ranks(r); ++from)
            bytes += Wide{r.payload(l, to_experts, from, 0)} + r.padding(l, to_experts, from, 0);
        if (bytes != tokens * r.dispatch_row_bytes)
            return differ(rules::at(r, l) + ", dispatch, to rank 0", "payload + padding", bytes,
                          tokens * r.dispatch_row_bytes);
    }
    return {};
}

/// Entries of a padded row, at most: choices of a token that one rank can serve.
Wide row_entries(RunRecord const& r) {
    if (r.dedup == "none") return 1;
    std::vector<int64_t> slots(static_cast<std::size_t>(ranks(r)));
    for (auto const rank : r.slot_rank) ++slots[static_cast<std::size_t>(rank)];
    return std::min<int64_t>(r.top_k, std::ranges::max(slots));
}

/// What announces the rows to an expert's rank: their number (4 bytes) each step and part, unless
/// there is room for a fixed one, and slot and gate weight (8 bytes) of each assignment, of each
/// that there is room for (padded), or of each choice of all tokens (allgather).
Wide metadata_of(RunRecord const& r, int64_t l, int64_t from, int64_t to) {
    constexpr Wide count_bytes = 4, entry_bytes = 8;
    Wide const counts = count_bytes * r.parts * steps(r);
    if (r.algorithm == "padded")
        return entry_bytes * row_entries(r) * r.capacity * r.parts * steps(r);
    if (r.algorithm == "allgather")
        return counts + entry_bytes * r.top_k *
                            ((Wide{r.payload(l, to_experts, from, to)} +
                              r.padding(l, to_experts, from, to)) /
                             r.dispatch_row_bytes);
    return counts + entry_bytes * (r.selected(l, to_experts, from, to) / r.dispatch_row_bytes);
}

/// Straight to the experts. Whoever forwards repeats it. Nothing goes with rows that come back.
std::string metadata_describes_rows(RunRecord const& r) {
    return over_pairs(r, [&](int64_t l, int64_t d, int64_t from, int64_t to) -> std::string {
        if (d == to_experts && r.hops != 1) return {};
        Wide const expected =
            d == to_experts && !exchange_only(r) ? metadata_of(r, l, from, to) : Wide{0};
        if (r.metadata(l, d, from, to) == expected) return {};
        return differ(at(r, l, d, from, to), "metadata", r.metadata(l, d, from, to), expected);
    });
}

LinkClass link(RunRecord const& r, int64_t from, int64_t to) {
    auto const node = [&](int64_t rank) { return r.topology[static_cast<std::size_t>(rank)].node; };
    if (from == to) return LinkClass::self;
    return node(from) == node(to) ? LinkClass::node : LinkClass::network;
}

std::string wire_carries_it(RunRecord const& r) {
    if (r.hops != 1) return {};  // who forwards sends what is not its own
    if (!std::ranges::equal(r.link_class, link_class_names))
        return fmt::format("the classes of links are {}", fmt::join(r.link_class, ", "));
    for (int64_t l = 0; l < layers(r); ++l)
        for (int64_t const d : {to_experts, to_tokens})
            for (int64_t n = 0; n < ranks(r); ++n) {
                std::array<Wide, link_class_count> sent{};
                for (int64_t to = 0; to < ranks(r); ++to)
                    sent[static_cast<std::size_t>(link(r, n, to))] += Wide{r.payload(l, d, n, to)} +
                                                                      r.padding(l, d, n, to) +
                                                                      r.metadata(l, d, n, to);
                for (std::size_t c = 0; c < sent.size(); ++c)
                    if (auto const wire = r.wire(l, d, n, static_cast<int64_t>(c)); wire != sent[c])
                        return differ(fmt::format("{}, {}, rank {}, {}", rules::at(r, l),
                                                  direction_names[static_cast<std::size_t>(d)], n,
                                                  link_class_names[c]),
                                      "wire", wire, sent[c]);
            }
    return {};
}

}  // namespace

std::vector<Finding> check_traffic(RunRecord const& record) {
    std::vector<Finding> findings;
    auto const check_rule = [&](char const* rule, auto&& violation) {
        findings.push_back({rule, violation(record)});
    };
    check_rule("selected = assignments received x row bytes", selected_is_what_was_received);
    check_rule("combine selects the transpose of dispatch, in rows", rows_come_back);
    check_rule("payload = selected, or rows that serve several assignments (dedup)",
               rows_serve_assignments);
    check_rule("padding = what fills up the room of a pair (padded) or its tokens (allgather)",
               padding_fills_up);
    check_rule("payload + padding = all tokens, to every rank (allgather)",
               everybody_gets_every_token);
    check_rule("metadata = counts and 8 bytes an entry, to the experts only (one hop)",
               metadata_describes_rows);
    check_rule("wire = payload + padding + metadata, by sender and class of link (one hop)",
               wire_carries_it);
    return findings;
}

}  // namespace epsim
