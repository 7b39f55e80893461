#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "core/rng.hpp"
#include "trace/fit_differences.hpp"
#include "trace/fit_model.hpp"
#include "trace/fit_tokens.hpp"
#include "trace/sequence_subset.hpp"

namespace epsim {
namespace {

constexpr int rounds = 20;
constexpr double smoothing = 0.25;  // tokens' worth of the layer's popularity

/// What the mixture explains of each token: what it chose, and, if these differ, its source and its
/// step as if it had chosen them too.
struct Traits {
    std::size_t width, positions;  // of a token; of all
    std::vector<uint32_t> value;   // [tokens, width]

    Traits(TokenTable const& table, std::span<Stretch const> stretches, int sources, int64_t steps,
           Differences const& differ)
        : width(table.layers * table.top_k), positions(table.layers * table.experts) {
        std::size_t const first_source = positions;
        if (differ.by_source) ++width, positions += static_cast<std::size_t>(sources);
        std::size_t const first_step = positions;
        if (differ.by_step) ++width, positions += static_cast<std::size_t>(steps);
        value.reserve(table.tokens * width);
        for (auto const& [range, source, step] : stretches)
            for (int64_t t = range.begin; t < range.end; ++t) {
                auto const chosen = table.of(static_cast<std::size_t>(t));
                value.insert(value.end(), chosen.begin(), chosen.end());
                if (differ.by_source)
                    value.push_back(static_cast<uint32_t>(first_source) +
                                    static_cast<uint32_t>(source));
                if (differ.by_step)
                    value.push_back(static_cast<uint32_t>(first_step) +
                                    static_cast<uint32_t>(step));
            }
    }
    std::size_t tokens() const { return value.size() / width; }
    std::span<uint32_t const> of(std::size_t token) const {
        return std::span(value).subspan(token * width, width);
    }
};

/// The mixture: how often each topic's tokens have what traits.
class Topics {
public:
    Topics(Traits const& traits, std::size_t topics, uint64_t seed)
        : traits_(traits), choice_(topics), log_share_(topics, 0.0), topic_(traits.tokens()) {
        popularity_.assign(traits.positions, 0.0);
        for (uint32_t const c : traits.value)
            popularity_[c] += 1 / static_cast<double>(traits.tokens());
        CounterRng const rng(seed, RngStream::fit);
        for (std::size_t z = 0; z < topics; ++z) {  // each begins as one token
            auto const word = rng.words(0, 0, z)[0];
            auto const t = static_cast<std::size_t>(uint64_t{word} * traits.tokens() >> 32);
            std::vector<double> count(popularity_.size());
            for (uint32_t const c : traits.of(t)) ++count[c];
            set(z, count, 1);
        }
    }

    void improve() {
        for (std::size_t t = 0; t < topic_.size(); ++t) topic_[t] = static_cast<int32_t>(best(t));
        std::vector<std::vector<double>> count(choice_.size(),
                                               std::vector<double>(popularity_.size()));
        std::vector<double> tokens(choice_.size());
        for (std::size_t t = 0; t < topic_.size(); ++t) {
            auto const z = static_cast<std::size_t>(topic_[t]);
            ++tokens[z];
            for (uint32_t const c : traits_.of(t)) ++count[z][c];
        }
        for (std::size_t z = 0; z < choice_.size(); ++z) {
            set(z, count[z], tokens[z]);
            log_share_[z] = std::log((tokens[z] + 0.5) / (static_cast<double>(topic_.size()) + 1));
        }
    }
    std::vector<int32_t> const& topic() const { return topic_; }

    /// Of other tokens' traits.
    double log_likelihood(Traits const& others) const {
        double sum = 0;
        std::vector<double> score(choice_.size());
        for (std::size_t t = 0; t < others.tokens(); ++t) {
            for (std::size_t z = 0; z < score.size(); ++z) score[z] = score_of(others.of(t), z);
            double const most = std::ranges::max(score);
            double share = 0;
            for (double const s : score) share += std::exp(s - most);
            sum += most + std::log(share);
        }
        return sum;
    }

    /// [topics][layers][experts] of what they choose.
    std::vector<std::vector<std::vector<double>>> choice(std::size_t layers,
                                                         std::size_t experts) const {
        std::vector<std::vector<std::vector<double>>> all;
        for (auto const& flat : choice_) {
            auto& of_topic = all.emplace_back();
            for (std::size_t l = 0; l < layers; ++l) {
                auto const begin = flat.begin() + static_cast<std::ptrdiff_t>(l * experts);
                of_topic.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(experts));
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
    double score_of(std::span<uint32_t const> traits, std::size_t z) const {
        double score = log_share_[z];
        for (uint32_t const c : traits) score += log_choice_[z][c];
        return score;
    }
    std::size_t best(std::size_t t) const {
        std::size_t best = 0;
        double most = -INFINITY;
        for (std::size_t z = 0; z < choice_.size(); ++z)
            if (double const score = score_of(traits_.of(t), z); score > most)
                most = score, best = z;
        return best;
    }

    Traits const& traits_;
    std::vector<double> popularity_;           // [positions] tokens that have it, share
    std::vector<std::vector<double>> choice_;  // [topics][positions]
    std::vector<std::vector<float>> log_choice_;
    std::vector<double> log_share_;
    std::vector<int32_t> topic_;  // [T]
};

/// Whether topics of half of the stretches explain the others' tokens better than one topic does:
/// what a token chooses somewhere then says what it chooses elsewhere.
bool has_topics(TokenTable const& table, std::span<Stretch const> stretches, std::size_t topics,
                uint64_t seed) {
    std::array<std::vector<Stretch>, 2> half;
    for (std::size_t i = 0; i < stretches.size(); ++i) half[i % 2].push_back(stretches[i]);
    if (half[1].empty()) return false;
    Traits const seen(table, half[0], 0, 0, {}), unseen(table, half[1], 0, 0, {});
    auto const likelihood = [&](std::size_t n) {
        Topics mixture(seen, n, seed);
        for (int i = 0; i < rounds; ++i) mixture.improve();
        return mixture.log_likelihood(unseen);
    };
    return likelihood(topics) > likelihood(1);
}

}  // namespace

FitModel fit_topics(RoutingSource const& source, FitOptions const& options) {
    auto const& info = source.info();
    auto const table = token_table(source);
    auto const all = stretches(source);

    FitModel model;
    model.num_experts = info.num_experts;
    model.top_k = info.top_k;
    model.source_count = info.has(TokenColumn::source_rank) ? info.source_count : 1;
    model.steps = static_cast<int>(info.steps());
    model.layer = info.layer;
    model.model = info.model;
    model.source = info.source;
    auto const differ = differences(table, all, info.steps(), options.seed);
    model.by_source = differ.by_source;
    model.by_step = differ.by_step;

    auto topics = static_cast<std::size_t>(options.topics);
    if (topics == 0) {
        topics = std::clamp<std::size_t>(table.tokens / 32, 1, 128);
        std::size_t const few = (topics + 7) / 8;
        bool const differ_by = differ.by_source || differ.by_step;
        if (!differ_by && !has_topics(table, all, few, options.seed)) topics = 1;
    }
    Traits const traits(table, all, model.source_count, model.steps, differ);
    Topics mixture(traits, topics, options.seed);
    for (int i = 0; i < rounds; ++i) mixture.improve();
    model.choice = mixture.choice(table.layers, table.experts);
    for (auto const& [range, from, step] : all) {
        auto const first = mixture.topic().begin() + range.begin;
        model.sequence.push_back({from, static_cast<int32_t>(step), {first, first + range.size()}});
    }
    model.bias.assign(table.layers, std::vector<double>(table.experts));
    return model;
}

}  // namespace epsim
