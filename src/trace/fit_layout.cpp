#include "trace/fit_layout.hpp"

#include <algorithm>
#include <numeric>
#include <span>

#include "trace/share.hpp"

namespace epsim {
namespace {

constexpr uint32_t layout_words = UINT32_MAX;  // no layer

/// The recorded sequences that sources draw from, in order of recorded steps.
class Pools {
public:
    /// \param sources of the look-alike
    Pools(FitModel const& model, std::size_t sources) : model_(model), sources_(sources) {
        auto const recorded = static_cast<std::size_t>(model.source_count);
        pool_.resize(model.by_source ? std::min(sources, recorded) : 1);
        for (std::size_t i = 0; i < model.sequence.size(); ++i) {
            auto const source = static_cast<std::size_t>(model.sequence[i].source);
            pool_[source * pool_.size() / recorded].push_back(i);
        }
        for (auto& pool : pool_) {
            if (pool.empty()) {  // a source that sent nothing is like all
                pool.resize(model.sequence.size());
                std::iota(pool.begin(), pool.end(), std::size_t{0});
            }
            std::ranges::stable_sort(pool, {}, [&](std::size_t i) { return step_of(i); });
        }
    }

    /// Of a source; if steps differ, those of a recorded step, or of the next, else of the last,
    /// that it has any in.
    std::span<std::size_t const> of(std::size_t source, int64_t step) const {
        std::span<std::size_t const> const pool = pool_[source * pool_.size() / sources_];
        if (!model_.by_step) return pool;
        auto const by_step = [&](std::size_t i) { return step_of(i); };
        auto const next = std::ranges::lower_bound(pool, step, {}, by_step);
        auto const found = step_of(next == pool.end() ? pool.back() : *next);
        auto const range = std::ranges::equal_range(pool, found, {}, by_step);
        return {range.begin(), range.end()};
    }

private:
    int64_t step_of(std::size_t sequence) const { return model_.sequence[sequence].step; }

    FitModel const& model_;
    std::size_t sources_;
    std::vector<std::vector<std::size_t>> pool_;
};

/// The recorded step that step of n of a look-alike is like.
int64_t recorded_step(int64_t step, int64_t n, int64_t recorded) {
    constexpr int64_t window = 8;
    if (n <= recorded) return step;
    int64_t const windows = (recorded + window - 1) / window;
    int64_t const w = step * windows / n;
    int64_t const begin = share_begin(w, recorded, windows);
    int64_t const last = share_begin(w + 1, recorded, windows) - begin - 1;
    if (last == 0) return begin;
    int64_t const at = (step - share_begin(w, n, windows)) % (2 * last);
    return begin + std::min(at, 2 * last - at);
}

}  // namespace

FitLayout::FitLayout(FitModel const& model, SourceShares const& sources, int64_t steps,
                     uint64_t seed)
    : one_source_(sources.offset().size() == 2) {
    struct Stream {  // of a source: what is left of its sequence
        std::size_t sequence = 0;
        int64_t position = 0, length = 0;
        uint64_t drawn = 0;
    };
    std::size_t const n = sources.offset().size() - 1;
    Pools const pools(model, n);
    CounterRng const rng(seed, RngStream::fit);
    std::vector<Stream> stream(n);
    for (int64_t step = 0; step < steps; ++step)
        for (std::size_t s = 0; s < n; ++s) {
            int64_t const base = step * sources.offset().back();
            int64_t const end = base + sources.offset()[s + 1];
            auto const pool = pools.of(s, recorded_step(step, steps, model.steps));
            auto& now = stream[s];
            if (model.by_step) now.position = now.length;
            for (int64_t at = base + sources.offset()[s]; at < end;) {
                if (now.position == now.length) {
                    auto const word =
                        rng.words(layout_words, static_cast<uint32_t>(s), now.drawn++)[0];
                    now.sequence = pool[uint64_t{word} * pool.size() >> 32];
                    now.position = 0;
                    now.length = static_cast<int64_t>(model.sequence[now.sequence].topic.size());
                }
                part_.push_back({at, now.sequence, now.position});
                int64_t const tokens = std::min(end - at, now.length - now.position);
                now.position += tokens;
                at += tokens;
            }
        }
}

std::vector<FitLayout::Part>::const_iterator FitLayout::find(int64_t token) const {
    return std::ranges::upper_bound(part_, token, {}, &Part::first) - 1;
}

std::vector<int64_t> FitLayout::sequence_offset(int64_t tokens) const {
    std::vector<int64_t> offset;
    for (auto const& part : part_)  // of one source, what goes on in the next step is next to it
        if (part.position == 0 || !one_source_) offset.push_back(part.first);
    offset.push_back(tokens);
    return offset;
}

}  // namespace epsim
