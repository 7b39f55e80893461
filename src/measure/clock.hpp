#pragma once

namespace epsim {

/// Seconds on a clock that only moves forward. Tests replace it.
class Clock {
public:
    virtual ~Clock() = default;
    virtual double now() const = 0;
};

/// CLOCK_MONOTONIC: one clock for all processes of a host, and that of std::chrono::steady_clock
/// and of sleeps, so that no two clocks mix (CLOCK_MONOTONIC_RAW drifts against it by tens of ppm).
/// NTP steers its rate: hosts under NTP stay closer together than their crystals, and what it
/// changes shows between RootClock's comparisons.
class MonotonicClock final : public Clock {
public:
    double now() const override;
};

}  // namespace epsim
