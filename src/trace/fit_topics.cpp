#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "core/error.hpp"
#include "core/rng.hpp"
#include "trace/fit_model.hpp"

namespace epsim {
namespace {

constexpr int64_t pseudo_sequence = 64;  // tokens, where no sequences were recorded
constexpr int rounds = 20;
constexpr double smoothing = 0.25;  // tokens' worth of the layer's popularity
constexpr int64_t most_fitted_tokens = int64_t{1} << 16;

/// All tokens, as positions l E + e of what they chose in all layers.
struct TokenTable {
    std::size_t layers, experts, top_k, tokens = 0;
    std::vector<uint32_t> chosen;   // [T, L k]
    std::vector<int32_t> source;    // [T]
    std::vector<int64_t> sequence;  // [Q + 1] first tokens
    std::size_t width() const { return layers * top_k; }
    std::span<uint32_t const> of(std::size_t t) const {
        return std::span(chosen).subspan(t * width(), width());
    }
};

TokenTable read_tokens_of(RoutingSource const& source) {
    auto const& info = source.info();
    TokenTable table{info.layer.size(),
                     static_cast<std::size_t>(info.num_experts),
                     static_cast<std::size_t>(info.top_k),
                     0,
                     {},
                     {},
                     {}};
    if (info.tokens() == 0 || info.layer.empty())
        throw InputError("the trace has no tokens to fit (it is empty). Use another");
    if (info.tokens() > most_fitted_tokens)
        throw InputError(fmt::format("the trace has {} tokens (at most {} are fitted). Slice it",
                                     info.tokens(), most_fitted_tokens));
    table.tokens = static_cast<std::size_t>(info.tokens());
    table.chosen.resize(table.tokens * table.width());
    for (std::size_t s = 0; s < static_cast<std::size_t>(info.steps()); ++s) {
        TokenRange const all{0, info.tokens_of(static_cast<StepId>(s))};
        auto const first = static_cast<std::size_t>(info.step_offset[s]);
        for (std::size_t l = 0; l < table.layers; ++l) {
            auto const batch = source.read(static_cast<StepId>(s), static_cast<LayerId>(l), all);
            for (std::size_t i = 0; i < batch.expert.size(); ++i) {
                if (batch.expert[i] == no_expert)
                    throw InputError(
                        "a token has fewer experts than top_k (-1 in the trace), "
                        "which is not fitted. Slice it away");
                table.chosen[(first + i / table.top_k) * table.width() + l * table.top_k +
                             i % table.top_k] = static_cast<uint32_t>(l * table.experts) +
                                                static_cast<uint32_t>(index(batch.expert[i]));
            }
        }
        auto const column =
            info.has(TokenColumn::source_rank)
                ? source.column(TokenColumn::source_rank, static_cast<StepId>(s), all)
                : std::vector<int32_t>(static_cast<std::size_t>(all.size()));
        table.source.insert(table.source.end(), column.begin(), column.end());
    }
    table.sequence = info.sequence_offset;
    if (!table.sequence.empty()) return table;
    for (int64_t t = 0; t < info.tokens(); ++t) {
        auto const i = static_cast<std::size_t>(t);
        bool const begins = t == 0 || table.source[i] != table.source[i - 1] ||
                            t - table.sequence.back() == pseudo_sequence ||
                            std::ranges::binary_search(info.step_offset, t);
        if (begins) table.sequence.push_back(t);
    }
    table.sequence.push_back(info.tokens());
    return table;
}

/// The mixture: how often each topic's tokens choose what.
class Topics {
public:
    Topics(TokenTable const& table, std::size_t topics, uint64_t seed)
        : table_(table), choice_(topics), log_share_(topics, 0.0), topic_(table.tokens) {
        popularity_.assign(table.layers * table.experts, 0.0);
        for (uint32_t const c : table.chosen)
            popularity_[c] += 1 / static_cast<double>(table.tokens);
        CounterRng const rng(seed, RngStream::fit);
        for (std::size_t z = 0; z < topics; ++z) {  // each begins as one token
            auto const word = rng.words(0, 0, z)[0];
            auto const t = static_cast<std::size_t>(uint64_t{word} * table.tokens >> 32);
            std::vector<double> count(popularity_.size());
            for (uint32_t const c : table.of(t)) ++count[c];
            set(z, count, 1);
        }
    }

    void improve() {
        for (std::size_t t = 0; t < table_.tokens; ++t) topic_[t] = best(t);
        std::vector<std::vector<double>> count(choice_.size(),
                                               std::vector<double>(popularity_.size()));
        std::vector<double> tokens(choice_.size());
        for (std::size_t t = 0; t < table_.tokens; ++t) {
            ++tokens[topic_[t]];
            for (uint32_t const c : table_.of(t)) ++count[topic_[t]][c];
        }
        for (std::size_t z = 0; z < choice_.size(); ++z) {
            set(z, count[z], tokens[z]);
            log_share_[z] = std::log((tokens[z] + 0.5) / (static_cast<double>(table_.tokens) + 1));
        }
    }
    std::vector<std::size_t> const& topic() const { return topic_; }

    std::vector<std::vector<std::vector<double>>> choice() const {
        std::vector<std::vector<std::vector<double>>> all;
        for (auto const& flat : choice_) {
            auto& layers = all.emplace_back();
            for (std::size_t l = 0; l < table_.layers; ++l) {
                auto const begin = flat.begin() + static_cast<std::ptrdiff_t>(l * table_.experts);
                layers.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(table_.experts));
            }
        }
        return all;
    }

private:
    void set(std::size_t z, std::vector<double> const& count, double tokens) {
        choice_[z].resize(popularity_.size());
        log_choice_.resize(choice_.size());
        log_choice_[z].resize(popularity_.size());
        for (std::size_t c = 0; c < popularity_.size(); ++c) {
            choice_[z][c] = (count[c] + smoothing * popularity_[c]) / (tokens + smoothing);
            log_choice_[z][c] = static_cast<float>(std::log(choice_[z][c] + 1e-9));
        }
    }
    std::size_t best(std::size_t t) const {
        std::size_t best = 0;
        double most = -INFINITY;
        for (std::size_t z = 0; z < choice_.size(); ++z) {
            double score = log_share_[z];
            for (uint32_t const c : table_.of(t)) score += log_choice_[z][c];
            if (score > most) most = score, best = z;
        }
        return best;
    }

    TokenTable const& table_;
    std::vector<double> popularity_;           // [L E] tokens that choose it, share
    std::vector<std::vector<double>> choice_;  // [topics][L E]
    std::vector<std::vector<float>> log_choice_;
    std::vector<double> log_share_;
    std::vector<std::size_t> topic_;  // [T]
};

}  // namespace

FitModel fit_topics(RoutingSource const& source, FitOptions const& options) {
    auto const& info = source.info();
    auto const table = read_tokens_of(source);
    auto topics = static_cast<std::size_t>(options.topics);
    if (topics == 0) topics = std::clamp<std::size_t>(table.tokens / 32, 1, 128);
    Topics mixture(table, topics, options.seed);
    for (int i = 0; i < rounds; ++i) mixture.improve();

    FitModel model;
    model.num_experts = info.num_experts;
    model.top_k = info.top_k;
    model.source_count = info.has(TokenColumn::source_rank) ? info.source_count : 1;
    model.layer = info.layer;
    model.model = info.model;
    model.source = info.source;
    model.choice = mixture.choice();
    for (std::size_t q = 0; q + 1 < table.sequence.size(); ++q) {
        auto const begin = static_cast<std::size_t>(table.sequence[q]);
        auto const end = static_cast<std::size_t>(table.sequence[q + 1]);
        if (begin == end) continue;
        auto const& topic = mixture.topic();
        auto& sequence = model.sequence.emplace_back();
        sequence.source = table.source[begin];
        for (std::size_t t = begin; t < end; ++t)
            sequence.topic.push_back(static_cast<int32_t>(topic[t]));
    }
    model.bias.assign(model.layer.size(), std::vector<double>(table.experts));
    return model;
}

}  // namespace epsim
