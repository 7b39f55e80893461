#pragma once

#include <span>
#include <string_view>

#include "core/ids.hpp"
#include "layer/options.hpp"
#include "measure/clock.hpp"
#include "measure/phase.hpp"

namespace epsim {

/// Refuse a disturbance that nobody would meet. \param phases that each layer has
/// \param setting that makes them, for the message
/// \throws InputError if there is no such phase or no such rank
void require_possible(InjectOptions const& options, int ranks, std::span<Phase const> phases,
                      std::string_view setting);

/// A known disturbance of one phase on one rank or all. Its time shows where real trouble of that
/// kind would: a local phase takes longer; a collective one is entered late (the delay lies outside
/// its interval, as if the rank had been held up before), or, slowed down, takes longer.
class Injection {
public:
    /// No disturbance.
    Injection() = default;
    /// \param options as require_possible lets them pass
    Injection(InjectOptions const& options, RankId here);

    /// What happens before the phase. \return whether anything did
    bool hold_up(Phase phase) const {
        if (!active_ || phase != phase_ || !is_collective(phase)) return false;
        pass(delay_s_);
        return true;
    }
    /// Call `work` as the phase. \param delayed where it is in chunks, the first
    template <class Work>
    void run(Phase phase, Work&& work, bool delayed = true) const {
        if (!active_ || phase != phase_) return work();
        if (delayed && !is_collective(phase)) pass(delay_s_);
        double const begin = clock_.now();
        work();
        pass((slowdown_ - 1) * (clock_.now() - begin));
    }

private:
    /// Let time pass: asleep but for the end, so that others can use the core.
    void pass(double seconds) const;

    MonotonicClock clock_;
    bool active_ = false;
    Phase phase_{};
    double delay_s_ = 0, slowdown_ = 1;
};

}  // namespace epsim
