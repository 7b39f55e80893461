#pragma once

#include <optional>

#include "model/model_shape.hpp"

namespace epsim {

/// How a shape compares with what was published of the model. Only expert layers are known here:
/// attention, embeddings and dense layers are the rest.
struct PublishedCheck {
    std::optional<double> total_share;   ///< routed experts' parameters / published total
    std::optional<double> active_share;  ///< expert layers' active parameters / published active
};

/// Routed experts weigh at least this share of any published mixture of experts; totals are
/// rounded, and Switch-Base-128's 7.25B experts go by "7B".
inline constexpr double least_total_share = 0.80, most_total_share = 1.05;

PublishedCheck check_published(ModelShape const& shape);

/// False if a share that is known cannot be true: a column of the shape is wrong.
bool consistent(PublishedCheck const& check) noexcept;

}  // namespace epsim
