#include "exchange/hop.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/cast.hpp"

namespace epsim {

Hop::Hop(std::unique_ptr<Transport> transport, ExchangeShape const& shape, Capacity capacity)
    : transport_(std::move(transport)), shape_(shape), capacity_(capacity) {
    auto const ranks = static_cast<std::size_t>(transport_->ranks());
    send_count_.resize(ranks);
    receive_count_.resize(ranks);
    for (auto* offset : {&send_entries_, &receive_entries_, &receive_offset_})
        offset->resize(ranks + 1);
    for (std::size_t r = 0; r <= ranks; ++r)
        send_entries_[r] = receive_entries_[r] = static_cast<int64_t>(r) * capacity_.entries();
}

void Hop::prepare(DispatchPlan const& plan) {
    plan_ = &plan;
    if (!capacity_.exists()) count_entries();
    write_entries();
    read_entries(reinterpret_cast<EntryMetadata const*>(transport_->all_to_all_rows(
        Lane::metadata, reinterpret_cast<std::byte const*>(send_entry_.data()), send_entries_,
        receive_entries_, sizeof(EntryMetadata))));
}

void Hop::count_entries() {
    auto const ranks = send_count_.size();
    for (std::size_t r = 0; r <= ranks; ++r)
        send_entries_[r] = plan_->entry_offset[static_cast<std::size_t>(plan_->row_offset[r])];
    for (std::size_t r = 0; r < ranks; ++r)
        send_count_[r] = narrow<int32_t>(send_entries_[r + 1] - send_entries_[r]);
    transport_->all_to_all(send_count_, receive_count_);
    for (std::size_t r = 0; r < ranks; ++r)
        receive_entries_[r + 1] = receive_entries_[r] + receive_count_[r];
}

void Hop::write_entries() {
    auto const& plan = *plan_;
    send_entry_.resize(static_cast<std::size_t>(send_entries_.back()));
    for (std::size_t r = 0; r < send_count_.size(); ++r) {
        auto const first = static_cast<std::size_t>(plan.row_offset[r]);
        auto const last = static_cast<std::size_t>(plan.row_offset[r + 1]);
        auto const begin = plan.entry_offset[first], end = plan.entry_offset[last];
        check(end - begin <= send_entries_[r + 1] - send_entries_[r],
              "a target's entries exceed its capacity");
        auto* const to = send_entry_.data() + send_entries_[r];
        for (auto e = begin; e < end; ++e)
            to[e - begin] = {plan.slot[static_cast<std::size_t>(e)],
                             plan.weight[static_cast<std::size_t>(e)]};
        std::fill(to + (end - begin), send_entry_.data() + send_entries_[r + 1], padding_entry);
        for (auto row = first; row < last && plan.row_token[row] >= 0; ++row) {
            auto& of_row = to[plan.entry_offset[row] - begin];
            of_row.slot = ~of_row.slot;
        }
    }
}

void Hop::read_entries(EntryMetadata const* entries) {
    auto const n = static_cast<std::size_t>(receive_entries_.back());
    slot_.resize(n);
    weight_.resize(n);
    entry_offset_.clear();
    std::size_t at = 0;
    for (std::size_t r = 0; r < send_count_.size(); ++r) {
        auto e = receive_entries_[r];
        auto const end = receive_entries_[r + 1];
        auto const has_entry = [&] {
            return e < end && !(capacity_.exists() && entries[e].slot == padding_entry.slot);
        };
        if (has_entry() && entries[e].slot >= 0)
            throw VerificationError(fmt::format(
                "what came from rank {} begins in the middle of a row (what moves rows lost or "
                "swapped their metadata). Use another exchange.algorithm or exchange.backend",
                r));
        for (; has_entry(); ++e, ++at) {
            auto const [slot, weight] = entries[e];
            if (slot < 0) entry_offset_.push_back(static_cast<int64_t>(at));
            slot_[at] = SlotId{slot < 0 ? ~slot : slot};
            weight_[at] = weight;
        }
        if (capacity_.exists()) {
            auto const rows = static_cast<std::size_t>(receive_offset_[r] + capacity_.rows);
            check(entry_offset_.size() <= rows, "a source's rows exceed its capacity");
            entry_offset_.resize(rows, static_cast<int64_t>(at));
        }
        receive_offset_[r + 1] = std::ssize(entry_offset_);
    }
    slot_.resize(at);
    weight_.resize(at);
    entry_offset_.push_back(static_cast<int64_t>(at));
}

BufferView Hop::dispatch(BufferView rows) {
    auto* received =
        transport_->all_to_all_rows(Lane::dispatch, rows.data, plan_->row_offset, receive_offset_,
                                    row_bytes(shape_.wire_dtype, shape_.hidden));
    return {received, shape_.wire_dtype, received_rows(), shape_.hidden, shape_.device};
}

BufferView Hop::combine(BufferView rows) {
    auto* returned =
        transport_->all_to_all_rows(Lane::combine, rows.data, receive_offset_, plan_->row_offset,
                                    row_bytes(shape_.combine_dtype, shape_.hidden));
    return {returned, shape_.combine_dtype, plan_->rows(), shape_.hidden, shape_.device};
}

HopTraffic Hop::traffic() const {
    auto const ranks = send_count_.size();
    int64_t const count_bytes = capacity_.exists() ? 0 : sizeof(int32_t);
    HopTraffic sent{std::vector<int64_t>(ranks), std::vector<int64_t>(ranks),
                    std::vector<int64_t>(ranks, count_bytes), std::vector<int64_t>(ranks)};
    for (std::size_t r = 0; r < ranks; ++r) {
        for (auto row = plan_->row_offset[r]; row < plan_->row_offset[r + 1]; ++row)
            ++(plan_->row_token[static_cast<std::size_t>(row)] >= 0 ? sent.rows : sent.padding)[r];
        sent.entries[r] =
            (send_entries_[r + 1] - send_entries_[r]) * static_cast<int64_t>(sizeof(EntryMetadata));
    }
    return sent;
}

}  // namespace epsim
