#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "trace/limits.hpp"
#include "trace/routing_counts.hpp"

namespace epsim {
namespace {

/// Random numbers of one (step, source, layer), one after the other.
class Draws {
public:
    Draws(CounterRng const& rng, uint32_t a, uint32_t b) : rng_(rng), a_(a), b_(b) {}
    /// In [0, n).
    std::size_t below(std::size_t n) {
        auto const word = rng_.words(a_, b_, next_++);
        return static_cast<std::size_t>(uniform01_open(word[0], word[1]) * static_cast<double>(n)) %
               n;
    }

private:
    CounterRng const& rng_;
    uint32_t a_, b_;
    uint64_t next_ = 0;
};

/// [tokens, k] with these counts.
std::vector<ExpertId> lay_out(std::span<int64_t const> counts, int64_t tokens, int k,
                              Draws& draws) {
    std::vector<int> order(counts.size());
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[draws.below(i)]);
    std::vector<ExpertId> expert(static_cast<std::size_t>(tokens * k), no_expert);
    int64_t place = 0;
    for (int const e : order)
        for (int64_t n = counts[static_cast<std::size_t>(e)]; n > 0; --n, ++place)
            expert[static_cast<std::size_t>(place % tokens * k + place / tokens)] = ExpertId{e};
    return expert;
}

void mix(std::span<ExpertId> expert, std::size_t k, Draws& draws) {
    constexpr int rounds = 3;
    auto const may_take = [&](std::size_t token, ExpertId e) {
        auto const chosen = expert.subspan(token * k, k);
        return e == no_expert || std::ranges::find(chosen, e) == chosen.end();
    };
    for (int round = 0; round < rounds; ++round)
        for (std::size_t i = 0; i < expert.size(); ++i) {
            auto const j = draws.below(expert.size());
            if (i / k != j / k && may_take(i / k, expert[j]) && may_take(j / k, expert[i]))
                std::swap(expert[i], expert[j]);
        }
}

class CountedSource final : public RoutingSource {
public:
    CountedSource(RoutingCounts counts, int top_k, uint64_t seed, ImportText text)
        : counts_(std::move(counts)), rng_(seed, RngStream::synthesis) {
        check_sizes(counts_.num_experts, top_k);
        info_.num_experts = counts_.num_experts;
        info_.top_k = top_k;
        info_.source_count = counts_.sources;
        info_.origin = "synthesised-from-counts";
        info_.producer = std::move(text.producer);
        info_.source = std::move(text.source);
        info_.model = std::move(text.model);
        info_.layer = counts_.layer;
        if (counts_.sources > 1) info_.columns = {TokenColumn::source_rank};
        info_.step_offset = {0};
        for (int64_t s = 0; s < counts_.steps; ++s) {
            int64_t in_step = 0;
            for (int r = 0; r < counts_.sources; ++r) {
                auto const n = tokens_of(s, r);
                if (n > most_step_tokens - in_step)
                    throw InputError(
                        fmt::format("step {} has over {} tokens (they are held in memory). Give "
                                    "--tokens to make fewer with the same shares",
                                    s, most_step_tokens));
                tokens_.push_back(n);
                in_step += n;
            }
            info_.step_offset.push_back(info_.step_offset.back() + in_step);
        }
    }

    TraceInfo const& info() const override { return info_; }

    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override {
        check_range(info_, step, layer, range);
        if (made_ != std::pair{step, layer}) make(step, layer);
        auto const k = info_.top_k;
        return {
            k,
            {expert_.begin() + range.begin * k, expert_.begin() + range.end * k},
            std::vector(static_cast<std::size_t>(range.size() * k), 1.0f / static_cast<float>(k))};
    }

    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override {
        check_range(info_, step, LayerId{0}, range);
        check(info_.has(which), "the source has the column");
        std::vector<int32_t> source;
        int64_t end = 0;
        for (int r = 0; r < counts_.sources; ++r) {
            end += made_tokens(index(step), r);
            auto const n = std::clamp(end, range.begin, range.end) - range.begin;
            source.resize(static_cast<std::size_t>(n), r);
        }
        return source;
    }

private:
    int64_t made_tokens(int64_t step, int source) const {
        return tokens_[static_cast<std::size_t>(step * counts_.sources + source)];
    }

    /// As many as the fullest layer needs.
    int64_t tokens_of(int64_t step, int source) const {
        int64_t tokens = 0;
        for (std::size_t l = 0; l < counts_.layer.size(); ++l) {
            int64_t sum = 0;
            for (auto const c : counts_.at(step, source, l)) {
                if (c < 0 || c > INT64_MAX / most_experts)
                    throw InputError(fmt::format(
                        "step {}, layer {}: an expert was chosen {} times (a count is from 0 "
                        "to {}). Correct the file",
                        step, counts_.layer[l], c, INT64_MAX / most_experts));
                sum += c;
            }
            tokens = std::max(tokens, (sum + info_.top_k - 1) / info_.top_k);
        }
        for (std::size_t l = 0; l < counts_.layer.size(); ++l) {
            auto const row = counts_.at(step, source, l);
            auto const most = std::ranges::max_element(row);
            if (*most > tokens)
                throw InputError(fmt::format(
                    "step {}, source {}, layer {}: expert {} was chosen {} times by {} tokens "
                    "(all choices / top_k = {}; a token's experts are distinct). Correct --top-k",
                    step, source, counts_.layer[l], most - row.begin(), *most, tokens,
                    info_.top_k));
        }
        return tokens;
    }

    void make(StepId step, LayerId layer) const {
        made_.reset();
        expert_.clear();
        auto const l = static_cast<std::size_t>(index(layer));
        for (int r = 0; r < counts_.sources; ++r) {
            Draws draws(rng_, static_cast<uint32_t>(index(step) * counts_.sources + r),
                        static_cast<uint32_t>(index(layer)));
            auto const n = made_tokens(index(step), r);
            auto some = lay_out(counts_.at(index(step), r, l), n, info_.top_k, draws);
            mix(some, static_cast<std::size_t>(info_.top_k), draws);
            expert_.insert(expert_.end(), some.begin(), some.end());
        }
        made_ = {step, layer};
    }

    RoutingCounts counts_;
    CounterRng rng_;
    TraceInfo info_;
    std::vector<int64_t> tokens_;  // [steps, sources]
    mutable std::optional<std::pair<StepId, LayerId>> made_;
    mutable std::vector<ExpertId> expert_;  // of what was made last
};

}  // namespace

std::unique_ptr<RoutingSource const> counted_source(RoutingCounts counts, int top_k, uint64_t seed,
                                                    ImportText text) {
    return std::make_unique<CountedSource>(std::move(counts), top_k, seed, std::move(text));
}

}  // namespace epsim
