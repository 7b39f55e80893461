#include <algorithm>
#include <cmath>
#include <limits>

#include "measure/statistics.hpp"
#include "measure/summary_rows.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Seconds of a rank in the phases of one kind, of passes without overlap: summed over layers, mean
/// over the steps that were measured.
template <class Wanted>
double sequential_time(SummaryInput const& input, int64_t rank, Wanted wanted) {
    auto const& time = input.record.sequential_phase;
    std::vector<double> of_step;
    for (int64_t s = 0; s < time.extent(0); ++s) {
        if (input.iterations[static_cast<std::size_t>(s)].empty()) continue;
        double sum = 0;
        for (int64_t l = 0; l < time.extent(1); ++l)
            for (int64_t p = 0; p < time.extent(2); ++p)
                if (wanted(static_cast<Phase>(p)) && !std::isnan(time(s, l, p, rank)))
                    sum += time(s, l, p, rank);
        of_step.push_back(sum);
    }
    return mean(of_step);
}

/// Seconds of a rank in the expert phase with overlap: of all parts, summed over layers; median
/// over the iterations of a step that left intervals behind, mean over steps.
double overlapping_expert_time(SummaryInput const& input, int64_t rank) {
    auto const& record = input.record;
    std::vector<double> of_iteration(record.step_of.size(), nan);
    for (auto const& event : record.events) {
        if (event.rank != rank || event.backward != 0 ||
            event.phase != static_cast<int32_t>(Phase::expert))
            continue;
        double& sum = of_iteration[static_cast<std::size_t>(event.iteration)];
        sum = (std::isnan(sum) ? 0 : sum) + event.end - event.start;
    }
    std::vector<double> of_step;
    for (auto const& iterations : input.iterations) {
        std::vector<double> times;
        for (int64_t const i : iterations)
            if (double const t = of_iteration[static_cast<std::size_t>(i)]; !std::isnan(t))
                times.push_back(t);
        if (!times.empty()) of_step.push_back(median(times));
    }
    return mean(of_step);
}

}  // namespace

void summarise_overlap(SummaryInput const& input, SummaryRows& rows) {
    auto const& record = input.record;
    if (record.sequential_phase.empty() || input.measured == 0) return;
    int64_t const rank = find_critical_rank(input).first, n = input.measured;
    std::vector<double> steps;
    for (std::size_t s = 0; s < record.sequential_step.size(); ++s)
        if (!input.iterations[s].empty()) steps.push_back(record.sequential_step[s]);
    double const sequential = mean(steps);
    rows.add("sequential_step_time", sequential, "s", n,
             "step time of the same parts one after the other, in passes between the others: mean "
             "over steps of the median");
    double const communication = sequential_time(input, rank, is_collective);
    double const compute = sequential_time(input, rank, [](Phase p) { return !is_collective(p); });
    rows.add("overlap_communication", communication, "s", n,
             "the critical rank in collective phases in passes without overlap, waiting included: "
             "medians summed over layers, mean over steps");
    rows.add("overlap_compute", compute, "s", n, "the same of local phases");
    double const hidden = sequential - input.step_time;
    rows.add("overlap_hidden", hidden, "s", n, "sequential_step_time - step_time");
    double const hideable = std::min(communication, compute);
    rows.add(
        "overlap_efficiency", hideable > 0 ? hidden / hideable : nan, "1", n,
        "overlap_hidden / min(overlap_communication, overlap_compute): 1 = the shorter of both "
        "is hidden behind the longer");
    rows.add("expert_slowdown",
             overlapping_expert_time(input, rank) /
                 sequential_time(input, rank, [](Phase p) { return p == Phase::expert; }),
             "1", n,
             "the critical rank's time in the expert phase with overlap / without: sum over parts "
             "and layers, median over iterations, mean over steps");
}

}  // namespace epsim
