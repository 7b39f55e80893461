#pragma once

#include <memory>
#include <vector>

#include "dispatch/dispatch_plan.hpp"
#include "exchange/entry_metadata.hpp"
#include "exchange/exchange_shape.hpp"
#include "exchange/hop_traffic.hpp"
#include "exchange/transport.hpp"

namespace epsim {

/// One all-to-all of an exchange: the rows of a plan to its targets, and back.
class Hop {
public:
    /// \param capacity that the plans have; if it exists, no counts travel
    Hop(std::unique_ptr<Transport> transport, ExchangeShape const& shape, Capacity capacity);

    /// Counts, then metadata. Collective. \param plan must live until the rows are back
    /// \throws VerificationError if what arrived cannot be metadata
    void prepare(DispatchPlan const& plan);
    DispatchPlan const& plan() const { return *plan_; }

    /// The rows that arrive, by source, and their entries: row i is item i. Padding has none.
    EntryList arrivals() const { return {entry_offset_, slot_, weight_}; }
    /// [R + 1] first row from each source.
    std::span<int64_t const> receive_offset() const { return receive_offset_; }
    int64_t received_rows() const { return receive_offset_.back(); }

    /// \param rows [plan.rows(), hidden], wire type, in send order \return [received_rows(),
    /// hidden], valid until the next dispatch. Collective
    BufferView dispatch(BufferView rows);
    /// \param rows [received_rows(), hidden], combine type \return [plan.rows(), hidden], valid
    /// until the next combine. Collective
    BufferView combine(BufferView rows);

    HopTraffic traffic() const;

private:
    void count_entries();
    void write_entries();
    void read_entries(EntryMetadata const* entries);

    std::unique_ptr<Transport> transport_;
    ExchangeShape shape_;
    Capacity capacity_;
    DispatchPlan const* plan_ = nullptr;
    std::vector<int32_t> send_count_, receive_count_;  // [R] entries
    // [R + 1] prefix sums, entries with their padding
    std::vector<int64_t> send_entries_, receive_entries_;
    std::vector<int64_t> receive_offset_;  // [R + 1] prefix sums, rows
    std::vector<EntryMetadata> send_entry_;
    std::vector<int64_t> entry_offset_;  // [received rows + 1]
    std::vector<SlotId> slot_;           // [received entries]
    std::vector<float> weight_;          // [received entries]
};

}  // namespace epsim
