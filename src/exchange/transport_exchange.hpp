#pragma once

#include <memory>
#include <vector>

#include "exchange/exchange.hpp"
#include "exchange/transport.hpp"

namespace epsim {

/// Sizes that an exchange is built for.
struct ExchangeShape {
    int64_t hidden;
    DType wire_dtype;     ///< of dispatched rows
    DType combine_dtype;  ///< of returned rows
    int32_t first_slot;   ///< of this rank
    int32_t local_slots;
};

/// What travels for each entry beside its row.
struct EntryMetadata {
    int32_t slot;
    float weight;
};

/// Counts, then metadata, then rows, each by an all-to-all of the transport; rows are gathered
/// into send order before and summed after. One row an entry: no dedup.
class TransportExchange final : public Exchange {
public:
    TransportExchange(std::unique_ptr<Transport> transport, ExchangeShape const& shape);

    void prepare(DispatchPlan const& plan) override;
    void permute(BufferView tokens, std::span<float const> scale, Stream& stream) override;
    GroupedRows dispatch(Stream& stream) override;
    void combine(BufferView expert_out, Stream& stream) override;
    void unpermute(std::span<float const> weight, BufferView out, Stream& stream) override;

private:
    void index_by_slot();

    std::unique_ptr<Transport> transport_;
    ExchangeShape shape_;
    DispatchPlan const* plan_ = nullptr;
    std::vector<int32_t> send_count_, receive_count_;  // [R] rows
    std::vector<int64_t> receive_offset_;              // [R + 1] rows
    std::vector<EntryMetadata> send_entry_;
    std::span<EntryMetadata const> receive_entry_;
    std::vector<int64_t> slot_offset_, slot_next_;  // [local slots + 1]
    std::vector<int32_t> row_index_;                // [received entries], by slot
    std::vector<float> entry_weight_;               // [received entries], by slot
    HostBuffer send_rows_;
    BufferView received_, returned_;
};

}  // namespace epsim
