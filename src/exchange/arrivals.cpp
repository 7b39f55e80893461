#include "exchange/arrivals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/error.hpp"

namespace epsim {

Arrivals::Arrivals(ExchangeShape const& shape)
    : shape_(shape),
      engine_(make_row_engine(shape.device)),
      decoded_(memory_of(shape.device), shape.received_dtype(), shape.hidden),
      scaled_(memory_of(shape.device), shape.received_dtype(), shape.hidden) {}

void Arrivals::index(EntryList const& rows, bool merged, std::span<int32_t const> at) {
    rows_ = rows;
    merged_ = merged;
    at_ = at;
    auto const slots = static_cast<std::size_t>(shape_.local_slots);
    slot_offset_.assign(slots + 1, 0);
    for (SlotId const slot : rows.slot) {
        int32_t const local = epsim::index(slot) - shape_.first_slot;
        if (local < 0 || local >= shape_.local_slots)
            throw VerificationError(fmt::format(
                "a row arrived for slot {}, but this rank serves slots {} to {} (what moves rows "
                "lost, changed or swapped their metadata). Use another exchange.algorithm or "
                "exchange.backend",
                epsim::index(slot), shape_.first_slot, shape_.first_slot + shape_.local_slots - 1));
        ++slot_offset_[static_cast<std::size_t>(local) + 1];
    }
    std::partial_sum(slot_offset_.begin(), slot_offset_.end(), slot_offset_.begin());
    slot_next_.assign(slot_offset_.begin(), slot_offset_.end());
    for (auto* list : {&row_index_, &result_index_}) list->resize(rows.slot.size());
    entry_weight_.resize(rows.slot.size());
    for (std::size_t row = 0; row + 1 < rows.offset.size(); ++row)
        for (auto e = rows.offset[row]; e < rows.offset[row + 1]; ++e) {
            auto const i = static_cast<std::size_t>(e);
            auto const local =
                static_cast<std::size_t>(epsim::index(rows.slot[i]) - shape_.first_slot);
            auto const next = static_cast<std::size_t>(slot_next_[local]++);
            row_index_[next] = place(row);
            result_index_[next] = static_cast<int32_t>(merged ? e : static_cast<int64_t>(row));
            entry_weight_[next] = rows.weight[i];
        }
    if (auto const known = counting_.size(); known < rows.slot.size()) {
        counting_.resize(rows.slot.size());
        std::iota(counting_.begin() + static_cast<std::ptrdiff_t>(known), counting_.end(),
                  static_cast<int32_t>(known));
    }
}

/// Rows with entries that follow each other, at once.
void Arrivals::decode(BufferView arrived, BufferView decoded, Stream& stream) const {
    auto const rows = static_cast<std::size_t>(rows_.items());
    auto const serves = [&](std::size_t row) { return rows_.offset[row] < rows_.offset[row + 1]; };
    for (std::size_t row = 0; row < rows; ++row) {
        if (!serves(row)) continue;
        auto const first = row;
        while (row + 1 < rows && serves(row + 1) && place(row + 1) == place(row) + 1) ++row;
        int64_t const n = static_cast<int64_t>(row - first) + 1;
        auto const part = [&](BufferView view) {
            return BufferView{view.row(place(first)), view.type, n, view.width, view.device};
        };
        engine_->decode(part(arrived), part(decoded), stream);
    }
}

GroupedRows Arrivals::group(BufferView arrived, Stream& stream) {
    if (!computes_in(arrived.type)) {
        BufferView const decoded = decoded_.rows(arrived.rows);
        decode(arrived, decoded, stream);
        arrived = decoded;
    }
    if (merged_ && shape_.weight_at == WeightAt::input) {
        // A row of several entries has several weights: each entry gets a row of its own, by slot.
        BufferView const scaled = scaled_.rows(std::ssize(row_index_));
        engine_->encode_scaled(arrived, row_index_, entry_weight_, scaled, stream);
        return {scaled, slot_offset_, std::span(counting_).first(row_index_.size()), result_index_,
                entry_weight_};
    }
    return {arrived, slot_offset_, row_index_, result_index_, entry_weight_};
}

void Arrivals::merge(BufferView results, BufferView out, Stream& stream) const {
    bool const weighted_before = shape_.weight_at == WeightAt::input;
    engine_->sum_groups(results, rows_.offset, std::span(counting_).first(rows_.slot.size()),
                        weighted_before ? std::span<float const>{} : rows_.weight, out, stream);
}

}  // namespace epsim
