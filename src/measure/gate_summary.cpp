#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "measure/summary_rows.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t collapse_window = 100;  ///< steps

/// Experts of a layer that got less than 1 % of the mean in the steps from `first`.
int64_t collapsed(RunRecord const& record, int64_t layer, int64_t first) {
    int64_t const steps = record.health.extent(0), experts = record.expert_tokens.extent(2);
    std::vector<double> chosen(static_cast<std::size_t>(experts));
    double sum = 0;
    for (int64_t s = first; s < steps; ++s)
        for (int64_t e = 0; e < experts; ++e) {
            auto const n = static_cast<double>(record.expert_tokens(s, layer, e) +
                                               record.dropped(s, layer, e));
            chosen[static_cast<std::size_t>(e)] += n;
            sum += n;
        }
    return std::ranges::count_if(
        chosen, [&](double n) { return n < 0.01 * sum / static_cast<double>(experts); });
}

/// Served assignments of a step and layer, and the rows without a token that bring each expert's up
/// to a multiple of `block`.
std::pair<int64_t, int64_t> served_and_padding(RunRecord const& record, int64_t s, int64_t l) {
    constexpr int64_t block = 128;
    int64_t served = 0, padding = 0;
    for (int64_t e = 0; e < record.expert_tokens.extent(2); ++e) {
        int64_t const n = record.expert_tokens(s, l, e);
        served += n;
        padding += (block - n % block) % block;
    }
    return {served, padding};
}

/// What fixed buffers and blocks would hold beside tokens: counted, not sent.
void add_padding(RunRecord const& record, SummaryRows& rows) {
    auto const found = std::ranges::find(record.health_figure, "capacity");
    auto const capacity = found - record.health_figure.begin();
    double served = 0, places = 0, blocks = 0;
    for (int64_t s = 0; s < record.health.extent(0); ++s)
        for (int64_t l = 0; l < record.health.extent(1); ++l) {
            auto const [tokens, padding] = served_and_padding(record, s, l);
            served += static_cast<double>(tokens);
            blocks += static_cast<double>(padding);
            if (found != record.health_figure.end()) places += record.health(s, l, capacity);
        }
    rows.add("gate_capacity_padding", places > 0 ? (places - served) / places : nan, "1",
             record.health.extent(0),
             "share of places without a token, were each expert's buffer as large as its capacity");
    rows.add("gate_block_padding", blocks / (blocks + served), "1", record.health.extent(0),
             "share of rows without a token, were each expert's rounded up to blocks of 128");
}

}  // namespace

void summarise_gate(RunRecord const& record, SummaryRows& rows) {
    if (record.health.empty()) return;
    int64_t const steps = record.health.extent(0), layers = record.health.extent(1);
    for (std::size_t h = 0; h < record.health_figure.size(); ++h) {
        double sum = 0, most = nan;
        int64_t known = 0;
        for (int64_t s = 0; s < steps; ++s)
            for (int64_t l = 0; l < layers; ++l)
                if (double const value = record.health(s, l, h); std::isfinite(value)) {
                    sum += value;
                    most = std::isnan(most) ? value : std::max(most, value);
                    ++known;
                }
        auto const& name = record.health_figure[h];
        rows.add("gate_" + name, known == 0 ? nan : sum / static_cast<double>(known), "1", known,
                 name + " of one step and layer, mean over both");
        rows.add("gate_" + name + "_max", most, "1", known,
                 name + " of one step and layer, the largest");
    }
    add_padding(record, rows);
    int64_t const window = std::min(steps, collapse_window);
    int64_t all = 0;
    for (int64_t l = 0; l < layers; ++l) all += collapsed(record, l, steps - window);
    rows.add("gate_collapsed", static_cast<double>(all), "1", window,
             "(expert, layer) pairs that got less than 1 % of the mean in the last steps (at most "
             "100)");
}

}  // namespace epsim
