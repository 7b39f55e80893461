#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "measure/bandwidth.hpp"
#include "measure/load.hpp"
#include "measure/summary_rows.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Bytes of rows that one layer's phase moves in a pass: payload and padding, [source,
/// destination].
Array<int64_t, 2> rows_matrix(RunRecord const& record, int64_t layer, int64_t direction) {
    auto const ranks = record.payload.extent(2);
    Array<int64_t, 2> bytes({ranks, ranks});
    for (int64_t from = 0; from < ranks; ++from)
        for (int64_t to = 0; to < ranks; ++to) {
            bytes(from, to) = record.payload(layer, direction, from, to);
            if (!record.padding.empty())
                bytes(from, to) += record.padding(layer, direction, from, to);
        }
    return bytes;
}

void add_bandwidth(SummaryInput const& input, Direction direction, Phase phase, SummaryRows& rows) {
    auto const& p50 = input.slowest_p50;
    double seconds = 0;
    Bandwidth bytes{0, 0};
    for (int64_t l = 0; l < input.record.payload.extent(0); ++l) {
        // A step without samples makes the sum NaN: bytes and time would not be of the same steps.
        for (int64_t s = 0; s < p50.extent(0); ++s) seconds += p50(s, l, static_cast<int>(phase));
        auto const of_layer =
            bandwidth(rows_matrix(input.record, l, static_cast<int64_t>(direction)), 1.0);
        bytes.algbw += of_layer.algbw;
        bytes.busbw += of_layer.busbw;
    }
    constexpr auto formula =
        "sum over layers of max over ranks of max(sent, received) bytes of rows (payload + "
        "padding) "
        "in a pass, {} / sum over steps and layers of the phase's slowest_rank median";
    bool const timed = seconds > 0;
    rows.add(fmt::format("{}_algbw", name_of(phase)), timed ? bytes.algbw / seconds : nan, "B/s",
             timed ? input.measured : 0, fmt::format(formula, "to self included"));
    rows.add(fmt::format("{}_busbw", name_of(phase)), timed ? bytes.busbw / seconds : nan, "B/s",
             timed ? input.measured : 0, fmt::format(formula, "to self left out"));
}

void add_flops(SummaryInput const& input, SummaryRows& rows) {
    auto const& record = input.record;
    auto const& received = record.rank_tokens;
    double busiest = 0, all = 0, seconds = 0;
    for (int64_t s = 0; s < received.extent(0); ++s)
        for (int64_t l = 0; l < received.extent(1); ++l) {
            double const t = input.slowest_p50(s, l, static_cast<int>(Phase::expert));
            if (!std::isfinite(t)) continue;
            auto const loads = loads_of(received, s, l);
            auto const assignments = std::accumulate(loads.begin(), loads.end(), int64_t{0});
            busiest += static_cast<double>(std::ranges::max(loads)) * record.flops_per_assignment;
            all += static_cast<double>(assignments) * record.flops_per_assignment +
                   static_cast<double>(record.step_tokens[static_cast<std::size_t>(s)]) *
                       record.local_flops_per_token;
            seconds += t;
        }
    if (!(seconds > 0)) return;
    rows.add("expert_flops_busiest_rank", busiest / seconds, "FLOP/s", input.measured,
             "sum over steps and layers of the most assignments that a rank received x FLOPs of "
             "one / sum of the expert phase's slowest-rank medians; routed experts only, so a "
             "lower bound where shared or dense networks run in the phase");
    rows.add("expert_flops_all_ranks", all / seconds, "FLOP/s", input.measured,
             "FLOPs of all ranks' routed experts and of shared and dense networks / the same time");
}

}  // namespace

void summarise_rates(SummaryInput const& input, SummaryRows& rows) {
    // With overlap a phase's time, from first begin to last end, is not that of its work alone.
    if (input.measured == 0 || !input.record.sequential_phase.empty()) return;
    if (!input.record.rank_tokens.empty() && input.record.flops_per_assignment > 0)
        add_flops(input, rows);
    if (input.record.payload.empty()) return;
    add_bandwidth(input, Direction::dispatch, Phase::dispatch, rows);
    add_bandwidth(input, Direction::combine, Phase::combine, rows);
}

}  // namespace epsim
