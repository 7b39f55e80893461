#include "trace/formats/count_pieces.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/error.hpp"
#include "trace/limits.hpp"

namespace epsim {

void CountPieces::add(int64_t step, int64_t source, int64_t layer, std::span<int64_t const> counts,
                      int64_t first) {
    constexpr int64_t most = most_tokens;
    if (source < 0 || source >= most_sources || layer < 0 || layer > INT32_MAX)
        throw InputError(
            fmt::format("source {} or layer {} is out of range. Check the file", source, layer));
    if (first < 0 || first > num_experts_ ||
        static_cast<int64_t>(counts.size()) > num_experts_ - first)
        throw InputError(
            fmt::format("layer {} counts experts {} to {} (a layer has {}). Check the "
                        "file and --num-experts",
                        layer, first, first + std::ssize(counts) - 1, num_experts_));
    auto& row = row_[{step, source, layer}];
    row.resize(static_cast<std::size_t>(num_experts_));
    for (std::size_t i = 0; i < counts.size(); ++i) {
        auto& sum = row[static_cast<std::size_t>(first) + i];
        if (counts[i] < 0 || counts[i] > most || sum > most)
            throw InputError(
                fmt::format("layer {}: expert {} was chosen {} times (a count is from "
                            "0 to {}). Check the file",
                            layer, first + static_cast<int64_t>(i), counts[i], most));
        sum += counts[i];
    }
}

RoutingCounts CountPieces::join(std::optional<int> top_k) const {
    std::set<int64_t> steps, layers;
    int64_t sources = 1;
    for (auto const& [key, row] : row_) {
        steps.insert(key.step);
        layers.insert(key.layer);
        sources = std::max(sources, key.source + 1);
    }
    double const rows = static_cast<double>(steps.size()) * static_cast<double>(sources) *
                        static_cast<double>(layers.size());
    if (rows > 64.0 * static_cast<double>(row_.size()) + 1024)
        throw InputError(
            fmt::format("{} rows of counts are there of {} that {} steps, {} sources "
                        "and {} layers have (nearly all are missing). Check the files",
                        row_.size(), rows, steps.size(), sources, layers.size()));
    RoutingCounts counts{num_experts_,
                         {layers.begin(), layers.end()},
                         std::ssize(steps),
                         static_cast<int>(sources),
                         {},
                         top_k};
    auto const width = static_cast<std::size_t>(num_experts_);
    counts.count.resize(static_cast<std::size_t>(rows) * width);
    auto* out = counts.count.data();
    for (auto const step : steps)
        for (int64_t source = 0; source < sources; ++source)
            for (auto const layer : layers) {
                auto const found = row_.find({step, source, layer});
                if (found != row_.end()) std::ranges::copy(found->second, out);
                out += width;
            }
    return without_empty(counts);
}

}  // namespace epsim
