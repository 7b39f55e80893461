#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace epsim {

/// How the experts' shares of the assignments change from step to step, of one layer. Distances are
/// total variation: 1/2 sum |p_e - q_e|, 0 = equal, 1 = no expert in common. Finite steps differ by
/// chance too.
class Drift {
public:
    /// \param steps of the trace
    Drift(int num_experts, int64_t steps);

    void add_step(std::span<int64_t const> expert_tokens);

    /// Mean over neighbouring steps that both have assignments; NaN if there are none.
    double from_step_to_step() const noexcept;
    /// Between the sums over the first half of the steps and over the others.
    double between_halves() const;

private:
    std::vector<int64_t> before_;          // [E] the step before
    std::vector<int64_t> first_, second_;  // [E] halves
    int64_t steps_, step_ = 0, neighbours_ = 0;
    double sum_ = 0;
};

}  // namespace epsim
