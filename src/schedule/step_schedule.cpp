#include "schedule/step_schedule.hpp"

namespace epsim {

StepSchedule sequential_step(bool one_pass) {
    StepSchedule schedule;
    for (Phase const phase : {Phase::layout, Phase::counts, Phase::permute, Phase::dispatch,
                              Phase::expert, Phase::combine, Phase::unpermute}) {
        if (one_pass && (phase == Phase::permute || phase == Phase::unpermute)) continue;
        Task task{phase, 0, {}};
        if (!schedule.tasks.empty()) task.after = {static_cast<int>(schedule.tasks.size()) - 1};
        schedule.tasks.push_back(std::move(task));
    }
    return schedule;
}

}  // namespace epsim
