#pragma once

namespace epsim {

/// Seconds on a clock that only moves forward. Tests replace it.
class Clock {
public:
    virtual ~Clock() = default;
    virtual double now() const = 0;
};

/// CLOCK_MONOTONIC: one clock for all processes of a host.
class MonotonicClock final : public Clock {
public:
    double now() const override;
};

}  // namespace epsim
