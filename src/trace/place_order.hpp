#pragma once

#include <vector>

#include "core/ids.hpp"
#include "core/rng.hpp"
#include "trace/options.hpp"

namespace epsim {

/// Which expert stands at each place of popularity, by layer, step and source.
///   hot-rank   the experts of rank `hot_rank` first
///   spread-hot, balanced  by turns one of each declared rank, ranks and their experts shuffled
///   others     shuffled
/// With rotate_every > 0 popularity moves on after so many steps: to the next rank (hot-rank), the
/// next hot_experts (hot, spread-hot), by one place (others). `balanced` has another order for
/// every step.
class PlaceOrder {
public:
    /// \throws InputError on parameters out of range
    PlaceOrder(RoutingOptions const& routing, int num_experts);

    /// What all sources share. [E]
    std::vector<ExpertId> common(StepId step, LayerId layer) const;
    /// A source's own, shuffled. [E]
    std::vector<ExpertId> of_source(StepId step, LayerId layer, int32_t source) const;

private:
    enum class Kind { shuffled, hot_rank, interleaved };

    std::vector<ExpertId> shuffled(LayerId layer, uint64_t variant) const;
    std::vector<ExpertId> interleaved(LayerId layer, uint64_t variant) const;
    std::vector<ExpertId> hot_rank_first(LayerId layer, int64_t rank) const;
    std::vector<ExpertId> rotated(std::vector<ExpertId> order, StepId step) const;

    CounterRng rng_;
    Kind kind_;
    int num_experts_, sources_, hot_rank_, stride_;
    int64_t rotate_every_;
    bool of_each_step_;
};

}  // namespace epsim
