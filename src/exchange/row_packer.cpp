#include "exchange/row_packer.hpp"

#include "core/error.hpp"

namespace epsim {

RowPacker::RowPacker(ExchangeShape const& shape)
    : shape_(shape),
      engine_(make_row_engine(shape.device)),
      encoded_(memory_of(shape.device), shape.wire_dtype, shape.hidden),
      packed_(memory_of(shape.device), shape.wire_dtype, shape.hidden, RowBuffer::Content::zeros) {}

BufferView RowPacker::encoded(BufferView tokens, Stream& stream) {
    check(tokens.width == shape_.hidden && tokens.type == shape_.dtype,
          "tokens are [tokens, hidden] in the model's type");
    if (shape_.dtype == shape_.wire_dtype) return tokens;
    BufferView const encoded = encoded_.rows(tokens.rows);
    engine_->encode(tokens, encoded, stream);
    return encoded;
}

/// Of a plan whose rows have one entry each, but for padding.
std::span<float const> RowPacker::row_weights(DispatchPlan const& plan) {
    if (plan.entries() == plan.rows()) return plan.weight;
    row_weight_.resize(plan.row_token.size());
    for (std::size_t row = 0; row < row_weight_.size(); ++row)
        row_weight_[row] = plan.row_token[row] < 0
                               ? 0
                               : plan.weight[static_cast<std::size_t>(plan.entry_offset[row])];
    return row_weight_;
}

BufferView RowPacker::pack(DispatchPlan const& plan, BufferView tokens, Stream& stream) {
    check(tokens.rows == plan.tokens && plan.top_k > 0, "tokens are those of the plan");
    BufferView const packed = packed_.rows(plan.rows());
    if (shape_.weight_at == WeightAt::input && !plan.merged)
        engine_->encode_scaled(tokens, plan.row_token, row_weights(plan), packed, stream);
    else
        engine_->permute(encoded(tokens, stream), plan.assignment_row, plan.top_k, packed, stream);
    return packed;
}

}  // namespace epsim
