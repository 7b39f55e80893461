#include "layer/dependency_log.hpp"

#include <algorithm>
#include <limits>

#include "measure/wait.hpp"

namespace epsim {
namespace {

/// [R] largest error of each rank's clock in the run.
std::vector<double> clock_errors(RunRecord const& record, int64_t ranks) {
    std::vector<double> errors(static_cast<std::size_t>(ranks), 0);
    for (int64_t e = 0; e < record.clock_error.extent(0); ++e)
        for (int64_t r = 0; r < ranks; ++r)
            errors[static_cast<std::size_t>(r)] =
                std::max(errors[static_cast<std::size_t>(r)], record.clock_error(e, r));
    return errors;
}

}  // namespace

void DependencyLog::note(int64_t step, int64_t layer, Direction direction,
                         Array<uint8_t, 2> needs) {
    auto found = std::ranges::find(patterns_, needs);
    if (found == patterns_.end()) found = patterns_.insert(found, std::move(needs));
    at_(step, layer, static_cast<int64_t>(direction)) = found - patterns_.begin();
}

void fill_waits(RunRecord& record, DependencyLog const& log) {
    auto const shape = record.time_start.shape();
    auto const [iterations, layers, phases, ranks] = shape;
    record.time_wait = Array<double, 4>(shape, std::numeric_limits<double>::quiet_NaN());
    Array<uint8_t, 2> const everybody({ranks, ranks}, 1);
    auto const errors = clock_errors(record, ranks);
    std::vector<double> in(static_cast<std::size_t>(ranks)), out(in);
    for (int64_t i = 0; i < iterations; ++i)
        for (int64_t l = 0; l < layers; ++l)
            for (int64_t p = 0; p < phases; ++p) {
                auto const phase = static_cast<Phase>(p);
                if (!is_collective(phase)) continue;
                int64_t const step = record.step_of[static_cast<std::size_t>(i)];
                auto const& needs = phase == Phase::dispatch  ? log.of(step, l, Direction::dispatch)
                                    : phase == Phase::combine ? log.of(step, l, Direction::combine)
                                                              : everybody;
                for (int64_t r = 0; r < ranks; ++r) {
                    in[static_cast<std::size_t>(r)] = record.time_start(i, l, p, r);
                    out[static_cast<std::size_t>(r)] = record.time_end(i, l, p, r);
                }
                auto const wait = waits(in, out, needs, errors);
                for (int64_t r = 0; r < ranks; ++r)
                    record.time_wait(i, l, p, r) = wait[static_cast<std::size_t>(r)];
            }
}

}  // namespace epsim
