#include "comm/clock_fit.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace epsim {
namespace {

/// Error of the mean slope between two epochs that the errors of both allow.
double slope_error(ClockEpoch const& from, ClockEpoch const& to) {
    return (from.error + to.error) / (to.t_ref - from.t_ref);
}

}  // namespace

void ClockFit::add(double t_ref, double offset, double error) {
    ClockEpoch next{t_ref, offset, error, 0, bounds_.most};
    if (!epochs_.empty()) {
        check(t_ref > epochs_.back().t_ref, "a clock is compared later than before");
        close_last(next);
        expect_slope(next);
    }
    epochs_.push_back(next);
}

/// The slope of the interval that `next` ends.
void ClockFit::close_last(ClockEpoch const& next) {
    auto& last = epochs_.back();
    last.slope = (next.offset - last.offset) / (next.t_ref - last.t_ref);
    last.wander = bounds_.wander;
    if (epochs_.size() < 2) return;
    auto& before = epochs_[epochs_.size() - 2];
    double const change =
        std::abs(last.slope - before.slope) - slope_error(before, last) - slope_error(last, next);
    last.wander = std::max(last.wander, change);  // the rate did change, in one of the two
    before.wander = std::max(before.wander, change);
}

/// The slope to go on with from `next`: the mean since the latest epoch that lies so far back that
/// the errors of comparing matter no more than wander, or else since the first. None where even
/// that says less than that the slope is small.
void ClockFit::expect_slope(ClockEpoch& next) const {
    auto from = epochs_.rbegin();
    double wander = from->wander;
    while (std::next(from) != epochs_.rend() && slope_error(*from, next) > bounds_.wander)
        wander = std::max(wander, (++from)->wander);
    // Within wander of the past's mean now, and from then on as far again.
    double const error = slope_error(*from, next) + 2 * wander;
    if (error >= bounds_.most) return;
    next.slope = (next.offset - from->offset) / (next.t_ref - from->t_ref);
    next.wander = error;
}

std::size_t ClockFit::epoch_at(double own) const noexcept {
    std::size_t epoch = epochs_.size() - 1;
    while (epoch > 0 && own < epochs_[epoch].t_ref) --epoch;
    return epoch;
}

double ClockFit::to_root(double own) const noexcept {
    auto const& epoch = epochs_[epoch_at(own)];
    return own + epoch.offset + epoch.slope * (own - epoch.t_ref);
}

double ClockFit::error(double own) const noexcept {
    auto const at = epoch_at(own);
    auto const& epoch = epochs_[at];
    double const since = own - epoch.t_ref;
    if (at + 1 == epochs_.size()) return epoch.error + epoch.wander * since;
    auto const& next = epochs_[at + 1];
    double const left = next.t_ref - own;
    return std::lerp(epoch.error, next.error, since / (since + left)) +
           epoch.wander * std::min(since, left);
}

double ClockFit::largest_error(std::size_t epoch) const noexcept {
    auto const& from = epochs_[epoch];
    if (epoch + 1 == epochs_.size()) return from.error;
    auto const& to = epochs_[epoch + 1];
    return std::max(from.error, to.error) + from.wander * (to.t_ref - from.t_ref) / 2;
}

}  // namespace epsim
