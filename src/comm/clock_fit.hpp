#pragma once

#include <cstddef>
#include <vector>

namespace epsim {

/// How a clock stood to rank 0's when they were compared:
/// rank 0's time = own time + offset + slope (own time - t_ref), to within error at t_ref.
struct ClockEpoch {
    double t_ref = 0;   ///< s, own clock, when they were compared
    double offset = 0;  ///< s, rank 0's clock minus own
    double error = 0;   ///< s, bound of the offset's error at t_ref
    double slope = 0;   ///< change of the offset per second of the own clock, until the next epoch
    double wander = 0;  ///< bound of how far the true slope is from that, at any time until then
};

/// What is taken for granted of two clocks. CLOCK_MONOTONIC runs at a crystal's rate (up to some
/// 50 ppm off) as corrected by NTP; that rate moves with temperature and NTP's steering, slowly.
struct DriftBounds {
    double most = 100e-6;  ///< the slope is never larger
    double wander = 1e-6;  ///< the slope stays this close to its mean between two epochs (for a
                           ///< minute, if they are closer), unless neighbouring epochs show that
                           ///< it did not
};

/// Times of a clock on rank 0's, by comparisons made now and then: interpolated between two epochs,
/// extrapolated beyond the last, each with a bound of its error. A fresh comparison also corrects
/// what was read since the one before.
class ClockFit {
public:
    explicit ClockFit(DriftBounds const& bounds) : bounds_(bounds) {}

    /// A comparison, later than all before: rank 0's clock minus own, to within `error`, at t_ref.
    void add(double t_ref, double offset, double error);

    /// A time of the own clock on rank 0's. \param own s, not before the first epoch
    double to_root(double own) const noexcept;
    /// Bound of the error of to_root(own), s. Between two epochs: theirs, interpolated, and wander
    /// from the nearer one on. Beyond the last: its own and wander since then, where wander has the
    /// error of the slope in it (DriftBounds::most while there is one epoch).
    double error(double own) const noexcept;
    /// Largest error(own) from an epoch to the next; of the last epoch, at it.
    double largest_error(std::size_t epoch) const noexcept;

    std::vector<ClockEpoch> const& epochs() const noexcept { return epochs_; }

private:
    void close_last(ClockEpoch const& next);
    void expect_slope(ClockEpoch& next) const;
    std::size_t epoch_at(double own) const noexcept;

    DriftBounds bounds_;
    std::vector<ClockEpoch> epochs_;
};

}  // namespace epsim
