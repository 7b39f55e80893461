#include "trace/fit_differences.hpp"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "core/rng.hpp"

namespace epsim {
namespace {

constexpr int deals = 499;
constexpr std::size_t most_layers = 6;
enum Words : uint32_t { source_words = 1, step_words = 2 };  // of the stream; 0 is the topics'

/// What each stretch's tokens chose in the layers looked at.
class StretchChoices {
public:
    StretchChoices(TokenTable const& table, std::span<Stretch const> stretches)
        : share_(std::min(table.layers, most_layers) * table.experts) {
        std::size_t const layers = std::min(table.layers, most_layers);
        for (auto const& stretch : stretches) {
            for (auto t = static_cast<std::size_t>(stretch.range.begin);
                 t < static_cast<std::size_t>(stretch.range.end); ++t)
                for (std::size_t i = 0; i < layers; ++i) {
                    std::size_t const l = i * table.layers / layers;
                    for (uint32_t const c : table.of(t).subspan(l * table.top_k, table.top_k))
                        chosen_.push_back(c - static_cast<uint32_t>((l - i) * table.experts));
                }
            tokens_.push_back(static_cast<double>(stretch.range.size()));
            end_.push_back(chosen_.size());
        }
        for (uint32_t const c : chosen_) share_[c] += 1 / static_cast<double>(table.tokens);
    }

    /// Of groups of stretches that have equal labels. \param label [stretches]
    double difference(std::span<int64_t const> label) const {
        std::vector<std::size_t> order(label.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::stable_sort(order, {}, [&](std::size_t i) { return label[i]; });
        double sum = 0;
        std::vector<double> count(share_.size());
        for (auto at = order.begin(); at != order.end();) {
            auto const next = std::find_if(at, order.end(),
                                           [&](std::size_t i) { return label[i] != label[*at]; });
            sum += of_group({at, next}, count);
            at = next;
        }
        return sum;
    }

private:
    /// 1/2 sum |c - n p|: half of it is what exceeds, since sum c = n sum p.
    /// \param count [positions] zeros, and again when this returns
    double of_group(std::span<std::size_t const> group, std::vector<double>& count) const {
        double tokens = 0, sum = 0;
        std::vector<uint32_t> met;
        for (std::size_t const i : group) {
            tokens += tokens_[i];
            for (std::size_t j = i == 0 ? 0 : end_[i - 1]; j < end_[i]; ++j)
                if (count[chosen_[j]]++ == 0) met.push_back(chosen_[j]);
        }
        for (uint32_t const c : met) {
            sum += std::max(0.0, count[c] - tokens * share_[c]);
            count[c] = 0;
        }
        return sum;
    }

    std::vector<uint32_t> chosen_;  // of all stretches, one after the other
    std::vector<std::size_t> end_;  // [stretches] in it
    std::vector<double> tokens_;    // [stretches]
    std::vector<double> share_;     // [positions] tokens that chose it
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
    StretchChoices const choices(table, stretches);
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
    double const of_sources = choices.difference(source), of_steps = choices.difference(step),
                 of_halves = choices.difference(halves(step));
    auto const beyond = [](double recorded, double dealt) {  // by more than rounding
        return recorded > dealt * (1 + 1e-9);
    };
    bool sources = true, all_steps = true, two_halves = true;
    for (int i = 0; i < deals; ++i) {
        if (sources)
            sources =
                beyond(of_sources, choices.difference(dealt(source, step, rng, source_words, i)));
        if (!all_steps && !two_halves) continue;
        auto const other = dealt(step, source, rng, step_words, i);
        all_steps = all_steps && beyond(of_steps, choices.difference(other));
        two_halves = two_halves && beyond(of_halves, choices.difference(halves(other)));
    }
    return {sources, all_steps || two_halves};
}

}  // namespace epsim
