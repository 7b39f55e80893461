#pragma once

#include <random>
#include <vector>

#include "measure/clock.hpp"

namespace epsim::test {

/// The host's clock, running at another rate and off by some seconds: that of another host.
class DriftingClock final : public Clock {
public:
    /// \param base s on the host's clock, where only `offset` separates the two
    DriftingClock(double drift, double offset, double base)
        : rate_(1 + drift), offset_(offset), base_(base) {}

    double now() const override { return at(real_.now()); }
    /// What it shows when the host's clock shows `real`.
    double at(double real) const { return base_ + offset_ + rate_ * (real - base_); }
    double rate() const { return rate_; }

private:
    MonotonicClock real_;
    double rate_, offset_, base_;
};

/// The clock of each domain: drift within +-drift, offset within +-3 s.
inline std::vector<DriftingClock> drifting_clocks(std::mt19937& random, int domains, double drift,
                                                  double base) {
    std::uniform_real_distribution<double> uniform(-1, 1);
    std::vector<DriftingClock> clocks;
    for (int d = 0; d < domains; ++d) {
        // The ends of the range are the hard cases: the first two lie there.
        double const share = d == 0 ? 1 : d == 1 ? -1 : uniform(random);
        clocks.emplace_back(drift * share, 3 * uniform(random), base);
    }
    return clocks;
}

/// [ranks] the first `size` ranks share a clock, the next too, and so on.
inline std::vector<int> blocks_of(int size, int ranks) {
    std::vector<int> domain;
    for (int r = 0; r < ranks; ++r) domain.push_back(r / size);
    return domain;
}

}  // namespace epsim::test
