#include "schedule/step_schedule.hpp"

#include <initializer_list>
#include <map>

namespace epsim {
namespace {

/// Adds tasks; each comes after what was added last of its chunk.
class ScheduleMaker {
public:
    explicit ScheduleMaker(bool one_pass) : one_pass_(one_pass) {}
    void add(std::initializer_list<Phase> phases, int chunk, int layer = 0) {
        for (Phase const phase : phases) {
            if (one_pass_ && (phase == Phase::permute || phase == Phase::unpermute)) continue;
            Task task{phase, chunk, {}, layer};
            if (auto const last = last_.find(chunk); last != last_.end())
                task.after = {last->second};
            last_[chunk] = static_cast<int>(schedule_.tasks.size());
            schedule_.tasks.push_back(std::move(task));
        }
    }
    /// The gate of a layer: what follows of any chunk comes after it.
    void add_gate(int chunks, int layer = 0) {
        add({Phase::gate}, 0, layer);
        for (int c = 1; c < chunks; ++c) last_[c] = last_[0];
    }
    StepSchedule take() { return std::move(schedule_); }

private:
    bool one_pass_;
    StepSchedule schedule_;
    std::map<int, int> last_;  // position of a chunk's last task
};

}  // namespace

StepSchedule sequential_step(int chunks, bool one_pass, bool gated) {
    using enum Phase;
    ScheduleMaker maker(one_pass);
    if (gated) maker.add_gate(chunks);
    for (int c = 0; c < chunks; ++c)
        maker.add({layout, counts, permute, dispatch, expert, combine, unpermute}, c);
    auto schedule = maker.take();
    for (std::size_t i = 1; i < schedule.tasks.size(); ++i)
        schedule.tasks[i].after = {static_cast<int>(i) - 1};
    return schedule;
}

StepSchedule pipelined_step(int chunks, bool one_pass, bool gated) {
    using enum Phase;
    ScheduleMaker maker(one_pass);
    if (gated) maker.add_gate(chunks);
    auto const add = [&](std::initializer_list<Phase> phases, int chunk) {
        if (chunk >= 0 && chunk < chunks) maker.add(phases, chunk);
    };
    add({layout, counts}, 0);
    // Counts of a chunk are done a round before its rows, so that its permutation waits for
    // nothing.
    for (int round = 0; round < chunks + 2; ++round) {
        add({layout, counts}, round + 1);
        add({permute, dispatch}, round);
        add({expert, combine}, round - 1);
        add({unpermute}, round - 2);
    }
    return maker.take();
}

StepSchedule micro_batched_step(int layers, int micro_batches, bool one_pass, bool gated) {
    using enum Phase;
    ScheduleMaker maker(one_pass);
    for (int l = 0; gated && l < layers; ++l) maker.add_gate(micro_batches, l);
    for (int l = 0; l < layers; ++l) {
        for (int b = 0; b < micro_batches; ++b) {
            if (l > 0) maker.add({unpermute}, b, l - 1);
            maker.add({layout, counts, permute, dispatch}, b, l);
        }
        for (int b = 0; b < micro_batches; ++b) maker.add({expert, combine}, b, l);
    }
    for (int b = 0; b < micro_batches && layers > 0; ++b) maker.add({unpermute}, b, layers - 1);
    return maker.take();
}

}  // namespace epsim
