#include "layer/part_times.hpp"

#include <cmath>

#include "measure/statistics.hpp"

namespace epsim {

PartTimes::PartTimes(PhaseRecorder const& recorder, Communicator const& comm, int64_t iterations)
    : recorder_(recorder), comm_(comm) {
    auto const n = static_cast<std::size_t>(iterations) * recorder.chunk_start().flat().size();
    begins_.reserve(n);
    ends_.reserve(n);
}

void PartTimes::take() {
    auto const begin = recorder_.chunk_start().flat(), end = recorder_.chunk_end().flat();
    begins_.insert(begins_.end(), begin.begin(), begin.end());
    ends_.insert(ends_.end(), end.begin(), end.end());
}

void PartTimes::clear() {
    begins_.clear();
    ends_.clear();
}

void PartTimes::gather_events(int64_t first, RootClock const& clock, double origin) {
    for (auto* stamps : {&begins_, &ends_})
        for (double& t : *stamps) t = clock.to_root(t) - origin;
    auto const begins = comm_.gather(std::span<double const>(begins_));
    auto const ends = comm_.gather(std::span<double const>(ends_));
    auto const [layers, phases, parts] = recorder_.chunk_start().shape();
    int64_t const block = layers * phases * parts;
    int64_t const taken = block == 0 ? 0 : std::ssize(begins_) / block;
    clear();
    if (!comm_.is_root()) return;
    for (int64_t i = 0; i < taken; ++i) {
        if (std::ssize(events_) + block * comm_.size() > most_events) return;
        for (int64_t at = 0; at < block; ++at)
            for (int64_t r = 0; r < comm_.size(); ++r) {
                auto const from = static_cast<std::size_t>((r * taken + i) * block + at);
                if (std::isnan(begins[from])) continue;
                events_.push_back({narrow<int32_t>(first + i), narrow<int32_t>(at / parts / phases),
                                   narrow<int32_t>(r), narrow<int32_t>(at / parts % phases),
                                   narrow<int32_t>(at % parts), 0, begins[from], ends[from]});
            }
    }
}

void PartTimes::gather_sums(bool kept) {
    int64_t const parts = recorder_.chunk_start().extent(2);
    std::vector<double> sums;
    for (std::size_t i = 0; i < begins_.size(); i += static_cast<std::size_t>(parts)) {
        double sum = 0;
        for (std::size_t c = i; c < i + static_cast<std::size_t>(parts); ++c)
            // A gate runs for all parts at once, as the first one's.
            if (c == i || !std::isnan(begins_[c])) sum += ends_[c] - begins_[c];
        sums.push_back(sum);
    }
    clear();
    auto gathered = comm_.gather(std::span<double const>(sums));
    if (comm_.is_root() && kept) sums_.push_back(std::move(gathered));
}

void PartTimes::fill(RunRecord& record, int64_t steps) {
    record.events = std::move(events_);
    if (sums_.empty()) return;
    auto const [layers, phases, parts] = recorder_.chunk_start().shape();
    int64_t const ranks = comm_.size(), block = layers * phases;
    record.sequential_phase = Array<double, 4>({steps, layers, phases, ranks});
    auto into = record.sequential_phase.flat().begin();
    std::vector<double> times;
    for (int64_t s = 0; s < steps; ++s)
        for (int64_t at = 0; at < block; ++at)
            for (int64_t r = 0; r < ranks; ++r) {
                times.clear();
                for (auto const& pass : sums_) {
                    int64_t const taken = std::ssize(pass) / (ranks * block);  // interrupted: fewer
                    if (s < taken)
                        times.push_back(
                            pass[static_cast<std::size_t>((r * taken + s) * block + at)]);
                }
                *into++ = median(times);
            }
}

}  // namespace epsim
