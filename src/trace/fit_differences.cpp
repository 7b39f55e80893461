#include "trace/fit_differences.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

#include "core/rng.hpp"

namespace epsim {
namespace {

constexpr int deals = 499;
constexpr std::size_t most_layers = 6;
enum Words : uint32_t { source_words = 1, step_words = 2 };  // of the stream; 0 is the topics'

/// How often a stretch's tokens chose each expert of the layers looked at.
class StretchCounts {
public:
    StretchCounts(TokenTable const& table, std::span<Stretch const> stretches)
        : positions_(std::min(table.layers, most_layers) * table.experts) {
        std::size_t const layers = std::min(table.layers, most_layers);
        for (auto const& stretch : stretches) {
            auto const range = stretch.range;
            auto& count = count_.emplace_back(positions_);
            tokens_.push_back(static_cast<double>(range.size()));
            for (auto t = static_cast<std::size_t>(range.begin);
                 t < static_cast<std::size_t>(range.end); ++t)
                for (std::size_t i = 0; i < layers; ++i) {
                    std::size_t const l = i * table.layers / layers;
                    for (uint32_t const c : table.of(t).subspan(l * table.top_k, table.top_k))
                        ++count[c - (l - i) * table.experts];
                }
        }
        share_.resize(positions_);
        for (auto const& count : count_)
            for (std::size_t c = 0; c < positions_; ++c)
                share_[c] += count[c] / static_cast<double>(table.tokens);
    }

    /// Of groups of stretches that have equal labels. \param label [stretches]
    double difference(std::span<int64_t const> label) const {
        struct Group {
            double tokens = 0;
            std::vector<double> count;
        };
        std::map<int64_t, Group> groups;
        for (std::size_t i = 0; i < label.size(); ++i) {
            auto& group = groups[label[i]];
            group.count.resize(positions_);
            group.tokens += tokens_[i];
            for (std::size_t c = 0; c < positions_; ++c) group.count[c] += count_[i][c];
        }
        double sum = 0;
        for (auto const& [_, group] : groups)
            for (std::size_t c = 0; c < positions_; ++c)
                sum += std::abs(group.count[c] - group.tokens * share_[c]) / 2;
        return sum;
    }

private:
    std::size_t positions_;
    std::vector<std::vector<double>> count_;  // [stretches][positions]
    std::vector<double> tokens_, share_;
};

/// Labels dealt anew among the stretches of each stratum.
std::vector<int64_t> dealt(std::span<int64_t const> label, std::span<int64_t const> stratum,
                           CounterRng const& rng, Words which, int deal) {
    std::vector<std::size_t> order(label.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::vector<uint32_t> key(label.size());
    for (std::size_t i = 0; i < key.size(); ++i)
        key[i] = rng.words(which, static_cast<uint32_t>(deal), i)[0];
    auto const in_stratum = [&](std::size_t i) { return stratum[i]; };
    std::ranges::stable_sort(order, {}, in_stratum);
    auto shuffled = order;
    std::ranges::stable_sort(shuffled, {},
                             [&](std::size_t i) { return std::pair(stratum[i], key[i]); });
    std::vector<int64_t> result(label.size());
    for (std::size_t i = 0; i < order.size(); ++i) result[order[i]] = label[shuffled[i]];
    return result;
}

}  // namespace

Differences differences(TokenTable const& table, std::span<Stretch const> stretches, int64_t steps,
                        uint64_t seed) {
    StretchCounts const counts(table, stretches);
    CounterRng const rng(seed, RngStream::fit);
    std::vector<int64_t> source, step;
    for (auto const& stretch : stretches) {
        source.push_back(stretch.source);
        step.push_back(stretch.step);
    }
    auto const halves = [&](std::vector<int64_t> label) {
        for (auto& s : label) s = s < steps / 2 ? 0 : 1;
        return label;
    };
    double const of_sources = counts.difference(source), of_steps = counts.difference(step),
                 of_halves = counts.difference(halves(step));
    auto const beyond = [](double recorded, double dealt) {  // by more than rounding
        return recorded > dealt * (1 + 1e-9);
    };
    bool sources = true, all_steps = true, two_halves = true;
    for (int i = 0; i < deals; ++i) {
        if (sources)
            sources =
                beyond(of_sources, counts.difference(dealt(source, step, rng, source_words, i)));
        if (!all_steps && !two_halves) continue;
        auto const other = dealt(step, source, rng, step_words, i);
        all_steps = all_steps && beyond(of_steps, counts.difference(other));
        two_halves = two_halves && beyond(of_halves, counts.difference(halves(other)));
    }
    return {sources, all_steps || two_halves};
}

}  // namespace epsim
