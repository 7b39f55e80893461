#pragma once

#include <vector>

#include "comm/communicator.hpp"
#include "core/heartbeat.hpp"
#include "layer/replay_case.hpp"
#include "layer/survey.hpp"
#include "measure/rounding_error.hpp"

namespace epsim {

/// How many tokens of each step and layer are compared with the oracle.
struct SampleSize {
    bool all = false;
    double tokens = 0;  ///< a step and layer, if not all; on average where it is no integer
};

/// `verify` of MeasureOptions: "full", a number, or "auto": all tokens where the oracle's work
/// stays under 20 GFLOP, otherwise as many as that allows. "off" is nobody's sample.
SampleSize sample_size(ReplayCase const& replay);

/// Compares layers' outputs with the oracle, the work shared over the ranks. Collects what each
/// rank's layers returned; flush() compares.
class ValueCheck {
public:
    /// \param heartbeat beats with every network of a compared token; nullptr = none
    ValueCheck(ReplayCase const& replay, Communicator const& comm, Heartbeat* heartbeat = nullptr);

    /// Note this rank's sampled tokens. \param out [tokens, hidden] of this layer. Local.
    void collect(StepInput const& input, int layer, BufferView out);
    /// True on all ranks when some rank has collected enough to compare. Collective.
    bool full() const;
    /// Compare everything collected and forget it. Collective.
    void flush();

    // Of this rank.
    int64_t checked() const noexcept { return checked_; }
    double max_error() const noexcept { return max_error_; }
    RoundingError const& dispatch_error() const noexcept { return dispatch_error_; }
    RoundingError const& combine_error() const noexcept { return combine_error_; }
    Findings const& findings() const noexcept { return findings_; }

private:
    struct Sample {
        int32_t step, layer;
        int64_t token;
        std::vector<ExpertId> expert;  // [k] as the token was routed
        std::vector<float> weight;     // [k]
        std::vector<float> out;
    };
    int64_t tokens_of(StepId step, int layer) const;
    std::vector<Sample> share_of_all() const;
    void compare(std::span<Sample const> samples);

    ReplayCase const& replay_;
    Communicator const& comm_;
    Heartbeat* heartbeat_;
    SampleSize size_;
    std::vector<Sample> samples_;
    int64_t checked_ = 0;
    double max_error_ = 0;
    RoundingError dispatch_error_, combine_error_;
    Findings findings_;
};

}  // namespace epsim
