#pragma once

#include "compute/expert_kernel.hpp"
#include "measure/array.hpp"

namespace epsim {

/// Experts that take a known time and return zeros, so that overlap can be seen where real ones
/// would take all cores. The parts of a layer share its time by what they received.
class EmulatedExperts final : public ExpertKernel {
public:
    /// \param layer_us of all experts of a rank in a layer of a step
    /// \param spin     wait for the end of it awake: exact, but takes the core from a thread that
    ///                 communicates there
    EmulatedExperts(double layer_us, bool spin) : layer_s_(layer_us * 1e-6), spin_(spin) {}

    /// \param entries [S, L] that this rank receives; before, a part takes no time
    void set_entries(Array<int64_t, 2> entries) { entries_ = std::move(entries); }
    /// What follows is of this step.
    void begin_step(int step) noexcept { step_ = step; }

    std::string_view name() const override { return "emulated"; }
    void prepare(int64_t, int64_t) override {}
    void forward(int layer, GroupedRows const& in, BufferView out, Stream& stream) override;
    int64_t weight_bytes() const override { return 0; }

private:
    double layer_s_;
    bool spin_;
    Array<int64_t, 2> entries_;
    int step_ = 0;
};

}  // namespace epsim
