#include "gate/overflow.hpp"

#include <algorithm>
#include <numeric>

#include "core/error.hpp"
#include "trace/share.hpp"

namespace epsim {
namespace {

constexpr int word_bits = descending_key_bits;

/// Of what comes before token and choice in a key.
int order_bits(AcceptOrder order) {
    return order == AcceptOrder::position ? 0 : word_bits;
}

class Acceptance {
public:
    Acceptance(Assignments&& assignments, OverflowRule const& rule, GateDraws const& draws,
               SumOverRanks const& sum)
        : in_(std::move(assignments)),
          rule_(rule),
          draws_(draws),
          sum_(sum),
          k_(static_cast<std::size_t>(in_.batch.top_k)),
          sources_(rule.per_source ? std::ssize(in_.source_tokens) : 1),
          parts_(rule.budget_ranks > 0 ? rule.budget_ranks : in_.experts),
          token_bits_(bits_for(
              std::accumulate(in_.source_tokens.begin(), in_.source_tokens.end(), int64_t{0}))),
          choice_bits_(bits_for(in_.batch.top_k)) {
        check(
            in_.source.size() == in_.tokens.size() && in_.batch.tokens() == std::ssize(in_.tokens),
            "every token has a number and a source");
        check(rule.reroute != Reroute::next_best ||
                  in_.score.size() == in_.tokens.size() * static_cast<std::size_t>(in_.experts),
              "the next best expert follows from scores");
        check_order(rule, step_tokens(), in_.batch.top_k);
    }

    Accepted run() {
        Accepted out;
        out.dropped.resize(static_cast<std::size_t>(in_.experts) * in_.source_tokens.size());
        find_room();
        if (!room_.empty()) {
            out.capacity = room_;
            auto const waiting = refuse();
            out.rerouted = rule_.reroute == Reroute::none ? 0 : reroute(waiting);
            for (auto const& each : waiting) {
                if (in_.batch.expert[each.at] != no_expert) continue;
                auto const source = static_cast<std::size_t>(in_.source[each.at / k_]);
                auto const expert = static_cast<std::size_t>(index(each.chosen));
                ++out.dropped[expert * in_.source_tokens.size() + source];
                out.dropped_weight += each.weight;
                in_.batch.weight[each.at] = 0;
            }
        }
        out.batch = std::move(in_.batch);
        return out;
    }

private:
    struct Refused {
        std::size_t at;   ///< position in the batch
        ExpertId chosen;  ///< at first
        float weight;     ///< with it
    };

    int32_t group_of(std::size_t at, ExpertId expert) const {
        int64_t const part = rule_.budget_ranks > 0
                                 ? static_cast<int64_t>(index(expert)) * parts_ / in_.experts
                                 : index(expert);
        int64_t const source = rule_.per_source ? in_.source[at / k_] : 0;
        return static_cast<int32_t>(source * parts_ + part);
    }

    /// [groups] what each accepts.
    void find_room() {
        if (rule_.capacity.policy == CapacityPolicy::none) return;
        auto const loads = rule_.capacity.needs_load() ? expert_loads() : std::vector<int64_t>{};
        for (int64_t s = 0; s < sources_; ++s) {
            auto const of_source = std::span(loads).subspan(
                loads.empty() ? 0 : static_cast<std::size_t>(s * in_.experts),
                loads.empty() ? 0 : static_cast<std::size_t>(in_.experts));
            int64_t const tokens =
                rule_.per_source ? in_.source_tokens[static_cast<std::size_t>(s)] : step_tokens();
            int64_t const largest = of_source.empty() ? 0 : std::ranges::max(of_source);
            int64_t const limit = *capacity(rule_.capacity, tokens, in_.experts, largest);
            for (int64_t p = 0; p < parts_; ++p) room_.push_back(limit * experts_of_part(p));
        }
    }
    int64_t experts_of_part(int64_t part) const {
        return share_begin(part + 1, in_.experts, parts_) - share_begin(part, in_.experts, parts_);
    }
    /// [sources, experts] over all ranks.
    std::vector<int64_t> expert_loads() const {
        std::vector<int64_t> loads(static_cast<std::size_t>(sources_ * in_.experts));
        for (std::size_t at = 0; at < in_.batch.expert.size(); ++at) {
            if (in_.batch.expert[at] == no_expert) continue;
            int64_t const source = rule_.per_source ? in_.source[at / k_] : 0;
            ++loads[static_cast<std::size_t>(source * in_.experts + index(in_.batch.expert[at]))];
        }
        sum_(loads);
        return loads;
    }

    /// Take the refused assignments out of the batch. \return them, in the batch's order
    std::vector<Refused> refuse() {
        auto const n = in_.batch.expert.size();
        std::vector<uint64_t> key(n);
        std::vector<int32_t> group(n, -1);
        for (std::size_t at = 0; at < n; ++at) {
            if (in_.batch.expert[at] == no_expert) continue;
            group[at] = group_of(at, in_.batch.expert[at]);
            key[at] = key_of(at, in_.batch.weight[at]);
        }
        auto const fits = smallest_of_groups(key, group, room_, key_bits(), sum_);
        std::vector<Refused> refused;
        for (std::size_t at = 0; at < n; ++at) {
            if (group[at] < 0 || fits[at]) continue;
            refused.push_back({at, in_.batch.expert[at], in_.batch.weight[at]});
            in_.batch.expert[at] = no_expert;
        }
        return refused;
    }

    /// Rounds of proposals to experts with room, until there is none. An expert that refuses one is
    /// full then, so that nobody asks it again. \return assignments that found an expert
    int64_t reroute(std::vector<Refused> const& waiting) {
        left_ = room_left();
        int64_t found = 0;
        for (uint32_t round = 0;; ++round) {
            std::vector<Proposal> proposals;
            for (auto const& each : waiting)
                if (in_.batch.expert[each.at] == no_expert) propose(each, round, proposals);
            int64_t any = std::ssize(proposals);
            sum_(std::span(&any, 1));
            if (any == 0) return found;
            found += settle(proposals);
        }
    }
    struct Proposal {
        std::size_t at;
        ExpertId expert;
        float weight;
    };

    void propose(Refused const& each, uint32_t round, std::vector<Proposal>& proposals) const {
        auto const token = each.at / k_;
        candidates_.clear();
        for (int e = 0; e < in_.experts; ++e)
            if (left_[static_cast<std::size_t>(group_of(each.at, ExpertId{e}))] > 0 &&
                !uses(token, ExpertId{e}, proposals))
                candidates_.push_back(ExpertId{e});
        if (candidates_.empty()) return;
        if (rule_.reroute == Reroute::random) {
            uint32_t const i = round << 16 | static_cast<uint32_t>(each.at % k_);
            auto const n = static_cast<uint64_t>(candidates_.size());
            auto const pick = draws_.word(Draw::reroute, in_.tokens[token], i) * n >> 32;
            auto const expert = candidates_[static_cast<std::size_t>(pick)];
            return proposals.push_back({each.at, expert, rescaled(each, expert)});
        }
        auto const best = std::ranges::max_element(
            candidates_, [&](ExpertId a, ExpertId b) { return score(token, a) < score(token, b); });
        proposals.push_back({each.at, *best, rescaled(each, *best)});
    }

    bool uses(std::size_t token, ExpertId expert, std::vector<Proposal> const& proposals) const {
        auto const mine = std::span(in_.batch.expert).subspan(token * k_, k_);
        if (std::ranges::find(mine, expert) != mine.end()) return true;
        for (auto p = proposals.rbegin(); p != proposals.rend() && p->at / k_ == token; ++p)
            if (p->expert == expert) return true;
        return false;
    }

    float score(std::size_t token, ExpertId expert) const {
        return in_.score[token * static_cast<std::size_t>(in_.experts) +
                         static_cast<std::size_t>(index(expert))];
    }
    float rescaled(Refused const& each, ExpertId expert) const {
        if (in_.score.empty()) return each.weight;
        float const old = score(each.at / k_, each.chosen);
        return old > 0 ? each.weight * (score(each.at / k_, expert) / old) : each.weight;
    }

    int64_t settle(std::vector<Proposal> const& proposals) {
        std::vector<uint64_t> key;
        std::vector<int32_t> group;
        for (auto const& each : proposals) {
            group.push_back(group_of(each.at, each.expert));
            key.push_back(key_of(each.at, each.weight));
        }
        auto const fits = smallest_of_groups(key, group, left_, key_bits(), sum_);
        int64_t found = 0;
        for (std::size_t i = 0; i < proposals.size(); ++i) {
            if (!fits[i]) continue;
            in_.batch.expert[proposals[i].at] = proposals[i].expert;
            in_.batch.weight[proposals[i].at] = proposals[i].weight;
            ++found;
        }
        left_ = room_left();
        return found;
    }

    std::vector<int64_t> room_left() const {
        std::vector<int64_t> used(room_.size());
        for (std::size_t at = 0; at < in_.batch.expert.size(); ++at)
            if (in_.batch.expert[at] != no_expert)
                ++used[static_cast<std::size_t>(group_of(at, in_.batch.expert[at]))];
        sum_(used);
        for (std::size_t g = 0; g < used.size(); ++g) used[g] = room_[g] - used[g];
        return used;
    }

    /// Smaller = accepted earlier; the token and the choice tell equal ones apart.
    uint64_t key_of(std::size_t at, float weight) const {
        auto const token = at / k_, choice = at % k_;
        uint64_t const number = static_cast<uint64_t>(in_.tokens[token]);
        uint64_t const last = number << choice_bits_ | choice;
        int const last_bits = token_bits_ + choice_bits_;
        switch (rule_.order) {
            case AcceptOrder::position:
                return static_cast<uint64_t>(choice) << token_bits_ | number;
            case AcceptOrder::probability:
                return descending_key(weight) << last_bits | last;
            case AcceptOrder::random:
                return uint64_t{draws_.word(Draw::drop, in_.tokens[token],
                                            static_cast<uint32_t>(choice))}
                           << last_bits |
                       last;
            case AcceptOrder::batch_prioritised: {
                auto const weights = std::span(in_.batch.weight).subspan(token * k_, k_);
                float const most = std::max(weight, std::ranges::max(weights));
                return (static_cast<uint64_t>(choice) << word_bits | descending_key(most))
                           << token_bits_ |
                       number;
            }
        }
        return 0;
    }
    int key_bits() const { return order_bits(rule_.order) + token_bits_ + choice_bits_; }
    int64_t step_tokens() const {
        return std::accumulate(in_.source_tokens.begin(), in_.source_tokens.end(), int64_t{0});
    }

    Assignments in_;
    OverflowRule const& rule_;
    GateDraws const& draws_;
    SumOverRanks const& sum_;
    std::size_t k_;
    int64_t sources_, parts_;
    int token_bits_, choice_bits_;
    std::vector<int64_t> room_, left_;  // [groups]
    mutable std::vector<ExpertId> candidates_;
};

}  // namespace

void check_order(OverflowRule const& rule, int64_t step_tokens, int choices) {
    if (order_bits(rule.order) + bits_for(step_tokens) + bits_for(choices) > 64)
        throw InputError(
            "a step has too many tokens for so many choices of each (their order must fit into 64 "
            "bits). Lower tokens.per_step, or use routing.overflow=position");
}

Accepted accept(Assignments assignments, OverflowRule const& rule, GateDraws const& draws,
                SumOverRanks const& sum) {
    return Acceptance(std::move(assignments), rule, draws, sum).run();
}

}  // namespace epsim
