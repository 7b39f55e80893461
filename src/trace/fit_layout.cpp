#include "trace/fit_layout.hpp"

#include <algorithm>
#include <numeric>

namespace epsim {
namespace {

constexpr uint32_t layout_words = UINT32_MAX;  // no layer

/// The recorded sequences that sources draw from. [sources of the model]
std::vector<std::vector<std::size_t>> pools(FitModel const& model) {
    std::vector<std::vector<std::size_t>> pool(static_cast<std::size_t>(model.source_count));
    for (std::size_t i = 0; i < model.sequence.size(); ++i)
        pool[static_cast<std::size_t>(model.sequence[i].source)].push_back(i);
    for (auto& p : pool) {  // a source that sent nothing is like all
        if (!p.empty()) continue;
        p.resize(model.sequence.size());
        std::iota(p.begin(), p.end(), std::size_t{0});
    }
    return pool;
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
    auto const pool = pools(model);
    CounterRng const rng(seed, RngStream::fit);
    std::size_t const n = sources.offset().size() - 1;
    std::vector<Stream> stream(n);
    for (int64_t step = 0; step < steps; ++step)
        for (std::size_t s = 0; s < n; ++s) {
            int64_t const base = step * sources.offset().back();
            int64_t const end = base + sources.offset()[s + 1];
            auto const& mine = pool[s * pool.size() / n];
            auto& now = stream[s];
            for (int64_t at = base + sources.offset()[s]; at < end;) {
                if (now.position == now.length) {
                    auto const word =
                        rng.words(layout_words, static_cast<uint32_t>(s), now.drawn++)[0];
                    now.sequence = mine[uint64_t{word} * mine.size() >> 32];
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
