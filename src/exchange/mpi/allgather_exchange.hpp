#pragma once

#include <vector>

#include "exchange/arrivals.hpp"
#include "exchange/entry_metadata.hpp"
#include "exchange/exchange.hpp"
#include "exchange/mpi/alltoallv_transport.hpp"

namespace epsim {

/// Every rank gets the tokens of all ranks, with their slots and weights (MPI_Allgatherv), and
/// selects those that it serves. It weighs and sums their results; the sums go straight back.
class AllgatherExchange final : public Exchange {
public:
    /// \param comm must outlive it   \param routes of one hop that merges by rank
    AllgatherExchange(Communicator const& comm, Routes routes, ExchangeShape const& shape);

    Route const& route() const override { return routes_.front(); }
    void prepare(DispatchPlan const& plan) override;
    void permute(BufferView tokens, Stream& stream) override;
    void dispatch(Stream& stream) override;
    GroupedRows received(Stream& stream) override;
    BufferView results() override;
    void merge(Stream& stream) override;
    void combine(Stream& stream) override;
    void unpermute(std::span<float const> weight, BufferView out, Stream& stream) override;
    int hops() const override { return 1; }
    std::vector<HopTraffic> traffic() const override;

private:
    void count_tokens();
    void gather_entries();
    void select_entries();
    BufferView gathered() { return gathered_.rows(token_offset_.back()); }
    int64_t selected() const { return source_offset_.back(); }

    Communicator const& comm_;
    std::size_t rank_;
    Routes routes_;
    ExchangeShape shape_;
    DispatchPlan const* plan_ = nullptr;
    AlltoallvTransport back_;
    RowType token_type_, entry_type_;

    // What all ranks tell.
    std::vector<int> tokens_, entries_, token_at_, entry_at_;  // [R], as MPI takes them
    std::vector<int64_t> token_offset_;                        // [R + 1]
    std::vector<EntryMetadata> entry_;  // [all tokens, top_k] slot and weight; no_slot = none
    std::vector<int64_t> next_entry_;   // [tokens]
    HostBuffer gathered_;               // [all tokens, hidden], wire type

    // What this rank takes of it.
    std::vector<int64_t> source_offset_;  // [R + 1] first token from each source
    std::vector<int32_t> selected_;       // [selected tokens] of all tokens
    std::vector<int64_t> entry_offset_;   // [selected tokens + 1]
    std::vector<SlotId> slot_;            // [selected entries]
    std::vector<float> weight_;           // [selected entries]
    Arrivals arrivals_;
    HostBuffer results_, merged_;
    BufferView returned_;
};

}  // namespace epsim
