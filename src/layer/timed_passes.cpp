#include "layer/timed_passes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "measure/statistics.hpp"
#include "measure/stopping_rule.hpp"

namespace epsim {
namespace {

/// [R, n] to [n, R], n blocks of `block` values becoming [block, R] each.
void append_transposed(std::vector<double>& all, std::span<double const> gathered,
                       std::size_t ranks) {
    auto const n = gathered.size() / ranks;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t r = 0; r < ranks; ++r) all.push_back(gathered[r * n + i]);
}

template <std::size_t N>
Array<double, N> array_of(std::vector<double> const& values,
                          typename Array<double, N>::Shape const& shape) {
    Array<double, N> array(shape);
    std::ranges::copy(values, array.flat().begin());
    return array;
}

}  // namespace

TimedPasses::TimedPasses(MeasureOptions const& options, int steps, Communicator const& comm,
                         Clock const& clock, std::span<int const> domain, PhaseRecorder& recorder,
                         PassWork work)
    : options_(options),
      steps_(steps),
      comm_(comm),
      own_(clock),
      clock_(comm, clock, domain),
      start_(comm, clock_),
      recorder_(recorder),
      work_(std::move(work)),
      origin_(comm.broadcast(clock_.now())),
      parts_(recorder, comm, steps + 1),
      compared_times_(static_cast<std::size_t>(steps)) {
    auto const n = static_cast<std::size_t>(steps) + 1;
    auto const block = recorder.start().flat().size();
    for (auto* stamps : {&begins_, &ends_}) stamps->reserve(n);
    for (auto* stamps : {&phase_begins_, &phase_ends_}) stamps->reserve(n * block);
}

void TimedPasses::run(RunRecord& record) {
    if (free())
        for (int s = 0; s < steps_; ++s) work_.load(s);
    std::string stopped;
    while (stopped.empty()) {
        if (work_.next_turn) work_.next_turn();
        run_pass(false);
        gather_pass();
        ++pass_;
        if (work_.forward_compared && !interrupted_) {
            run_pass(true);
            gather_compared_pass();
        }
        if (interrupted_)
            stopped = "interrupted";
        else
            stopped = comm_.broadcast(comm_.is_root() ? why_stop() : "");
    }
    fill_clock(record);
    if (!comm_.is_root()) return;
    fill_times(record);
    record.status = interrupted_ ? "interrupted" : "complete";
    record.provenance["measure"] = {
        {"stopped", stopped}, {"start", options_.start}, {"late_starts", std::to_string(late_)}};
    fill_parts(record);
    fill_compared(record);
}

void TimedPasses::run_pass(bool compared) {
    for (auto* stamps : {&begins_, &ends_, &phase_begins_, &phase_ends_}) stamps->clear();
    parts_.clear();
    compared_ = compared;
    free() ? free_pass() : aligned_pass();
}

void TimedPasses::aligned_pass() {
    for (int s = 0; s < steps_ && !interrupted_; ++s) {
        work_.load(s);
        begins_.push_back(start_.wait());
        iterate(s);
        end_iteration();
    }
}

void TimedPasses::free_pass() {
    start_.wait();
    iterate(steps_ - 1);  // so that every recorded iteration follows another
    phase_begins_.clear();
    phase_ends_.clear();
    parts_.clear();
    for (int s = 0; s < steps_; ++s) iterate(s);
    end_iteration();
}

void TimedPasses::iterate(int step) {
    recorder_.begin_iteration();
    (compared_ ? work_.forward_compared : work_.forward)(step);
    ends_.push_back(own_.now());
    auto const begin = recorder_.start().flat(), end = recorder_.end().flat();
    phase_begins_.insert(phase_begins_.end(), begin.begin(), begin.end());
    phase_ends_.insert(phase_ends_.end(), end.begin(), end.end());
    parts_.take();
}

/// What all ranks must know before the next start.
void TimedPasses::end_iteration() {
    bool const stop = work_.interrupted && work_.interrupted();
    std::array<int64_t, 2> votes{stop, start_.late()};
    comm_.all_sum(votes);
    interrupted_ = votes[0] > 0;
    if (votes[1] > 0) {
        ++late_;
        start_.widen();
    }
    auto const done = static_cast<int64_t>(pass_) * steps_ + std::ssize(begins_);
    bool const open = options_.target_ci > 0 && options_.max_passes == 0;
    int const passes = open ? 0
                            : options_.warmup + (options_.max_passes > 0 ? options_.max_passes
                                                                         : options_.min_passes);
    if (work_.progress && !compared_) work_.progress(done, static_cast<int64_t>(passes) * steps_);
}

void TimedPasses::gather_pass() {
    clock_.compare();
    for (double& t : begins_) t -= origin_;
    for (auto* stamps : {&ends_, &phase_begins_, &phase_ends_})
        for (double& t : *stamps) t = clock_.to_root(t) - origin_;
    parts_.gather_events(std::ssize(all_begins_) / comm_.size(), clock_, origin_);
    auto const ends = comm_.gather(std::span<double const>(ends_));
    auto const phase_begins = comm_.gather(std::span<double const>(phase_begins_));
    auto const phase_ends = comm_.gather(std::span<double const>(phase_ends_));
    if (!comm_.is_root()) return;
    auto const ranks = static_cast<std::size_t>(comm_.size());
    auto const times = iteration_times(ends);
    for (double const begin : times.begins) all_begins_.insert(all_begins_.end(), ranks, begin);
    all_ends_.insert(all_ends_.end(), times.ends.begin(), times.ends.end());
    iterations_of_pass_.push_back(static_cast<int>(times.begins.size()));
    append_transposed(all_phase_begins_, phase_begins, ranks);
    append_transposed(all_phase_ends_, phase_ends, ranks);
}

void TimedPasses::gather_compared_pass() {
    for (double& t : begins_) t -= origin_;
    for (double& t : ends_) t = clock_.to_root(t) - origin_;
    bool const kept = pass_ > options_.warmup;
    work_.compared == PassWork::Compared::sequence ? parts_.gather_sums(kept) : parts_.clear();
    auto const ends = comm_.gather(std::span<double const>(ends_));
    if (!comm_.is_root() || !kept) return;
    auto const ranks = static_cast<std::size_t>(comm_.size());
    auto const times = iteration_times(ends);
    for (std::size_t s = 0; s < times.begins.size(); ++s)
        compared_times_[s].push_back(
            std::ranges::max(std::span(times.ends).subspan(s * ranks, ranks)) - times.begins[s]);
}

/// \param ends [R, n], of a free pass with the iteration that is not recorded first
TimedPasses::IterationTimes TimedPasses::iteration_times(std::span<double const> ends) const {
    auto const ranks = static_cast<std::size_t>(comm_.size());
    std::vector<double> by_iteration;
    append_transposed(by_iteration, ends, ranks);
    if (!free()) return {begins_, std::move(by_iteration)};
    IterationTimes times;
    for (std::size_t i = ranks; i < by_iteration.size(); i += ranks)
        times.begins.push_back(std::ranges::max(std::span(by_iteration).subspan(i - ranks, ranks)));
    times.ends.assign(by_iteration.begin() + comm_.size(), by_iteration.end());
    return times;
}

std::string TimedPasses::why_stop() const {
    int const measured = pass_ - options_.warmup;
    if (measured <= 0) return "";
    Array<double, 2> times({measured, steps_});
    auto const ranks = static_cast<std::size_t>(comm_.size());
    std::size_t at = static_cast<std::size_t>(options_.warmup) * static_cast<std::size_t>(steps_);
    for (double& time : times.flat()) {
        auto const ends = std::span(all_ends_).subspan(at * ranks, ranks);
        time = std::ranges::max(ends) - all_begins_[at * ranks];
        ++at;
    }
    return StoppingRule{options_.min_passes, options_.max_passes, options_.target_ci}.reason(times);
}

void TimedPasses::fill_times(RunRecord& record) const {
    auto const ranks = static_cast<int64_t>(comm_.size());
    int64_t const iterations = std::ssize(all_ends_) / ranks;
    auto const layers = recorder_.start().extent(0);
    auto const phases = static_cast<int64_t>(phase_count);
    record.step_start = array_of<2>(all_begins_, {iterations, ranks});
    record.step_end = array_of<2>(all_ends_, {iterations, ranks});
    record.time_start = array_of<4>(all_phase_begins_, {iterations, layers, phases, ranks});
    record.time_end = array_of<4>(all_phase_ends_, {iterations, layers, phases, ranks});
    for (std::size_t pass = 0; pass < iterations_of_pass_.size(); ++pass)
        for (int s = 0; s < iterations_of_pass_[pass]; ++s) {
            record.step_of.push_back(s);
            record.is_warmup.push_back(static_cast<int>(pass) < options_.warmup);
        }
}

void TimedPasses::fill_parts(RunRecord& record) {
    parts_.fill(record, steps_);
    if (int64_t const last = record.events.empty() ? -1 : record.events.back().iteration;
        last + 1 < std::ssize(record.step_of) && last >= 0)
        record.provenance["measure"]["events"] =
            fmt::format("of the first {} iterations only", last + 1);
}

void TimedPasses::fill_compared(RunRecord& record) {
    bool const measured = std::ranges::any_of(compared_times_, [](auto& t) { return !t.empty(); });
    if (work_.compared == PassWork::Compared::nothing || !measured) return;
    auto& steps = work_.compared == PassWork::Compared::sequence ? record.sequential_step
                                                                 : record.static_step;
    for (auto& times : compared_times_) steps.push_back(median(times));
}

void TimedPasses::fill_clock(RunRecord& record) const {
    std::vector<double> mine;  // [epoch, 4]
    auto const& clock = clock_.fit();
    for (std::size_t e = 0; e < clock.epochs().size(); ++e) {
        auto const& epoch = clock.epochs()[e];
        mine.insert(mine.end(), {clock.to_root(epoch.t_ref) - origin_, -epoch.offset, -epoch.slope,
                                 clock.largest_error(e)});
    }
    auto const all = comm_.gather(std::span<double const>(mine));
    if (!comm_.is_root()) return;
    int64_t const epochs = std::ssize(clock.epochs());
    std::array const parts{&record.clock_t_ref, &record.clock_offset, &record.clock_slope,
                           &record.clock_error};
    for (std::size_t part = 0; part < parts.size(); ++part) {
        *parts[part] = Array<double, 2>({epochs, comm_.size()});
        for (int64_t r = 0; r < comm_.size(); ++r)
            for (int64_t e = 0; e < epochs; ++e)
                (*parts[part])(e, r) =
                    all[static_cast<std::size_t>(r * epochs + e) * parts.size() + part];
    }
}

}  // namespace epsim
