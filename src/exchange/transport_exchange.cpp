#include "exchange/transport_exchange.hpp"

#include <fmt/format.h>

#include <numeric>

#include "core/cast.hpp"
#include "rows/permute.hpp"

namespace epsim {

TransportExchange::TransportExchange(std::unique_ptr<Transport> transport,
                                     ExchangeShape const& shape)
    : transport_(std::move(transport)), shape_(shape), send_rows_(shape.wire_dtype, shape.hidden) {
    auto const ranks = static_cast<std::size_t>(transport_->ranks());
    send_count_.resize(ranks);
    receive_count_.resize(ranks);
    receive_offset_.resize(ranks + 1);
}

void TransportExchange::prepare(DispatchPlan const& plan) {
    check(plan.entries() == plan.rows(), "this exchange carries one entry a row");
    plan_ = &plan;
    for (std::size_t r = 0; r < send_count_.size(); ++r)
        send_count_[r] = narrow<int32_t>(plan.row_offset[r + 1] - plan.row_offset[r]);
    transport_->all_to_all(send_count_, receive_count_);
    for (std::size_t r = 0; r < receive_count_.size(); ++r)
        receive_offset_[r + 1] = receive_offset_[r] + receive_count_[r];

    send_entry_.resize(static_cast<std::size_t>(plan.rows()));
    for (std::size_t i = 0; i < send_entry_.size(); ++i)
        send_entry_[i] = {plan.slot[i], plan.weight[i]};
    auto const* entries = transport_->all_to_all_rows(
        Lane::metadata, reinterpret_cast<std::byte const*>(send_entry_.data()), plan.row_offset,
        receive_offset_, sizeof(EntryMetadata));
    receive_entry_ = {reinterpret_cast<EntryMetadata const*>(entries),
                      static_cast<std::size_t>(receive_offset_.back())};
    index_by_slot();
}

void TransportExchange::index_by_slot() {
    auto const slots = static_cast<std::size_t>(shape_.local_slots);
    slot_offset_.assign(slots + 1, 0);
    for (auto const& entry : receive_entry_) {
        int32_t const local = entry.slot - shape_.first_slot;
        check(local >= 0 && local < shape_.local_slots, "a row arrived for a slot of another rank");
        ++slot_offset_[static_cast<std::size_t>(local) + 1];
    }
    std::partial_sum(slot_offset_.begin(), slot_offset_.end(), slot_offset_.begin());
    slot_next_.assign(slot_offset_.begin(), slot_offset_.end());
    row_index_.resize(receive_entry_.size());
    entry_weight_.resize(receive_entry_.size());
    for (std::size_t row = 0; row < receive_entry_.size(); ++row) {
        auto const local = static_cast<std::size_t>(receive_entry_[row].slot - shape_.first_slot);
        auto const at = static_cast<std::size_t>(slot_next_[local]++);
        row_index_[at] = static_cast<int32_t>(row);
        entry_weight_[at] = receive_entry_[row].weight;
    }
}

void TransportExchange::permute(BufferView tokens, std::span<float const> scale, Stream&) {
    check(tokens.rows == plan_->tokens && tokens.width == shape_.hidden &&
              tokens.type == shape_.wire_dtype,
          "tokens are [tokens, hidden] in the wire type");
    BufferView const send = send_rows_.rows(plan_->rows());
    if (scale.empty())
        gather_rows(tokens, plan_->row_token, send);
    else
        gather_scaled_rows(tokens, plan_->row_token, scale, send);
}

GroupedRows TransportExchange::dispatch(Stream&) {
    BufferView const send = send_rows_.rows(plan_->rows());
    received_ = {transport_->all_to_all_rows(Lane::dispatch, send.data, plan_->row_offset,
                                             receive_offset_, send.row_bytes()),
                 shape_.wire_dtype, receive_offset_.back(), shape_.hidden};
    return {received_, slot_offset_, row_index_, row_index_, entry_weight_};
}

void TransportExchange::combine(BufferView expert_out, Stream&) {
    check(expert_out.rows == receive_offset_.back() && expert_out.width == shape_.hidden &&
              expert_out.type == shape_.combine_dtype,
          "expert outputs are [received rows, hidden] in the combine type");
    returned_ = {transport_->all_to_all_rows(Lane::combine, expert_out.data, receive_offset_,
                                             plan_->row_offset, expert_out.row_bytes()),
                 shape_.combine_dtype, plan_->rows(), shape_.hidden};
}

void TransportExchange::unpermute(std::span<float const> weight, BufferView out, Stream&) {
    weighted_sum_rows(returned_, plan_->assignment_row, weight, plan_->top_k, out);
}

}  // namespace epsim
