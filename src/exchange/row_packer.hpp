#pragma once

#include <memory>
#include <span>
#include <vector>

#include "device/buffer.hpp"
#include "dispatch/dispatch_plan.hpp"
#include "exchange/exchange_shape.hpp"
#include "rows/row_engine.hpp"

namespace epsim {

/// Brings token vectors into the wire type and into send order.
class RowPacker {
public:
    explicit RowPacker(ExchangeShape const& shape);

    /// \param tokens [plan.tokens, hidden], model type
    /// \return [plan.rows(), hidden], wire type, scaled by the gate weight where the model applies it
    ///         to the experts' input and a row serves one entry; padding holds anything
    BufferView pack(DispatchPlan const& plan, BufferView tokens, Stream& stream);
    /// The tokens themselves in the wire type, without weights: [tokens, hidden]. They are `tokens`
    /// where the types are equal.
    BufferView encoded(BufferView tokens, Stream& stream);

private:
    std::span<float const> row_weights(DispatchPlan const& plan);

    ExchangeShape shape_;
    std::unique_ptr<RowEngine> engine_;
    RowBuffer encoded_, packed_;
    std::vector<float> row_weight_;  // where there is padding
};

}  // namespace epsim
