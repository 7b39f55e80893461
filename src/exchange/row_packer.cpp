#include "exchange/row_packer.hpp"

#include "core/error.hpp"
#include "rows/permute.hpp"
#include "rows/row_codec.hpp"

namespace epsim {

RowPacker::RowPacker(ExchangeShape const& shape)
    : shape_(shape),
      encoded_(shape.wire_dtype, shape.hidden),
      packed_(shape.wire_dtype, shape.hidden) {}

BufferView RowPacker::encoded(BufferView tokens) {
    check(tokens.width == shape_.hidden && tokens.type == shape_.dtype,
          "tokens are [tokens, hidden] in the model's type");
    if (shape_.dtype == shape_.wire_dtype) return tokens;
    BufferView const encoded = encoded_.rows(tokens.rows);
    encode_rows(tokens, encoded);
    return encoded;
}

BufferView RowPacker::pack(DispatchPlan const& plan, BufferView tokens) {
    check(tokens.rows == plan.tokens && plan.top_k > 0, "tokens are those of the plan");
    BufferView const packed = packed_.rows(plan.rows());
    if (shape_.weight_at == WeightAt::input && !plan.merged)
        encode_scaled_rows(tokens, plan.row_token, plan.weight, packed);
    else
        permute_rows(encoded(tokens), plan.assignment_row, plan.top_k, packed);
    return packed;
}

}  // namespace epsim
