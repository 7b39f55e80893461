#pragma once

#include <cstdint>
#include <vector>

#include "measure/phase.hpp"
#include "measure/run_record.hpp"

namespace epsim {

/// Who depends on whom in the exchanges of every step, layer and direction. Equal patterns are kept
/// once: an algorithm that ties all ranks together has one.
class DependencyLog {
public:
    DependencyLog(int64_t steps, int64_t layers) : at_({steps, layers, direction_count}) {}

    /// \param needs [R, R] as schedule/dependencies gives it
    void note(int64_t step, int64_t layer, Direction direction, Array<uint8_t, 2> needs);
    Array<uint8_t, 2> const& of(int64_t step, int64_t layer, Direction direction) const {
        return patterns_[static_cast<std::size_t>(
            at_(step, layer, static_cast<int64_t>(direction)))];
    }

private:
    Array<int64_t, 3> at_;
    std::vector<Array<uint8_t, 2>> patterns_;
};

/// Fill record.time_wait from its stamps and clock errors: dispatch and combine by the log; counts,
/// an all-to-all of one number, ties all ranks together.
void fill_waits(RunRecord& record, DependencyLog const& log);

}  // namespace epsim
