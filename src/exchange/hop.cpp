#include "exchange/hop.hpp"

#include <fmt/format.h>

#include "core/cast.hpp"

namespace epsim {

Hop::Hop(std::unique_ptr<Transport> transport, DType wire, DType combine, int64_t hidden)
    : transport_(std::move(transport)), wire_(wire), combine_(combine), hidden_(hidden) {
    auto const ranks = static_cast<std::size_t>(transport_->ranks());
    send_count_.resize(ranks);
    receive_count_.resize(ranks);
    for (auto* offset : {&send_entries_, &receive_entries_, &receive_offset_})
        offset->resize(ranks + 1);
}

void Hop::prepare(DispatchPlan const& plan) {
    plan_ = &plan;
    auto const ranks = send_count_.size();
    for (std::size_t r = 0; r <= ranks; ++r)
        send_entries_[r] = plan.entry_offset[static_cast<std::size_t>(plan.row_offset[r])];
    for (std::size_t r = 0; r < ranks; ++r)
        send_count_[r] = narrow<int32_t>(send_entries_[r + 1] - send_entries_[r]);
    transport_->all_to_all(send_count_, receive_count_);
    for (std::size_t r = 0; r < ranks; ++r)
        receive_entries_[r + 1] = receive_entries_[r] + receive_count_[r];

    send_entry_.resize(static_cast<std::size_t>(plan.entries()));
    for (std::size_t i = 0; i < send_entry_.size(); ++i)
        send_entry_[i] = {plan.slot[i], plan.weight[i]};
    for (std::size_t row = 0; row < plan.row_token.size(); ++row) {
        auto& first = send_entry_[static_cast<std::size_t>(plan.entry_offset[row])];
        first.slot = ~first.slot;
    }
    auto const* entries = reinterpret_cast<EntryMetadata const*>(transport_->all_to_all_rows(
        Lane::metadata, reinterpret_cast<std::byte const*>(send_entry_.data()), send_entries_,
        receive_entries_, sizeof(EntryMetadata)));

    auto const n = static_cast<std::size_t>(receive_entries_.back());
    slot_.resize(n);
    weight_.resize(n);
    entry_offset_.clear();
    for (std::size_t r = 0; r < ranks; ++r) {
        if (receive_count_[r] > 0 && entries[receive_entries_[r]].slot >= 0)
            throw VerificationError(fmt::format(
                "what came from rank {} begins in the middle of a row (what moves rows lost or "
                "swapped their metadata). Use another exchange.algorithm or exchange.backend",
                r));
        for (auto e = receive_entries_[r]; e < receive_entries_[r + 1]; ++e) {
            auto const [slot, weight] = entries[e];
            if (slot < 0) entry_offset_.push_back(e);
            slot_[static_cast<std::size_t>(e)] = SlotId{slot < 0 ? ~slot : slot};
            weight_[static_cast<std::size_t>(e)] = weight;
        }
        receive_offset_[r + 1] = std::ssize(entry_offset_);
    }
    entry_offset_.push_back(receive_entries_.back());
}

BufferView Hop::dispatch(BufferView rows) {
    auto* received = transport_->all_to_all_rows(Lane::dispatch, rows.data, plan_->row_offset,
                                                 receive_offset_, row_bytes(wire_, hidden_));
    return {received, wire_, received_rows(), hidden_};
}

BufferView Hop::combine(BufferView rows) {
    auto* returned = transport_->all_to_all_rows(Lane::combine, rows.data, receive_offset_,
                                                 plan_->row_offset, row_bytes(combine_, hidden_));
    return {returned, combine_, plan_->rows(), hidden_};
}

HopTraffic Hop::traffic() const {
    auto const ranks = send_count_.size();
    HopTraffic sent{std::vector<int64_t>(ranks), std::vector<int64_t>(ranks),
                    std::vector<int64_t>(ranks, sizeof(int32_t)), std::vector<int64_t>(ranks)};
    for (std::size_t r = 0; r < ranks; ++r) {
        sent.rows[r] = plan_->row_offset[r + 1] - plan_->row_offset[r];
        sent.entries[r] = send_count_[r] * static_cast<int64_t>(sizeof(EntryMetadata));
    }
    return sent;
}

}  // namespace epsim
