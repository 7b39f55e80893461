#pragma once

#include <vector>

#include "exchange/arrivals.hpp"
#include "exchange/exchange.hpp"
#include "exchange/hop.hpp"
#include "exchange/mpi/shm_transport.hpp"
#include "exchange/row_packer.hpp"
#include "rows/streaming.hpp"

namespace epsim {

/// One pass each way inside a node: dispatch reads each token once and writes its rows where their
/// experts are; results stay where the experts wrote them, and the sum of a token reads them there.
/// Between nodes rows are staged and travel as messages.
class DirectExchange final : public Exchange {
public:
    /// Collective over `comm`, which must outlive it. \param routes of one hop
    /// \throws CollectiveError as ShmNode
    DirectExchange(Communicator const& comm, ClusterTopology const& topology, Routes routes,
                   ExchangeShape const& shape);

    Route const& route() const override { return routes_.front(); }
    bool one_pass() const override { return true; }
    void prepare(DispatchPlan const& plan) override;
    /// Converts and scales, where that is due; `tokens` must live until dispatch returns.
    void permute(BufferView tokens, Stream& stream) override;
    void dispatch(Stream& stream) override;
    GroupedRows received(Stream& stream) override;
    BufferView results() override;
    void merge(Stream& stream) override;
    /// Waits for the results of others, and for those who read this rank's to come.
    void combine(Stream& stream) override;
    void unpermute(std::span<float const> weight, BufferView out, Stream& stream) override;
    int hops() const override { return 1; }
    std::vector<HopTraffic> traffic() const override { return {hop_.traffic()}; }

private:
    DirectExchange(ShmTransport* transport, Communicator const& comm,
                   ClusterTopology const& topology, Routes routes, ExchangeShape const& shape);
    bool merges() const { return routes_.front().merge; }
    int64_t rows_to(int rank) const { return hop_.plan().rows_to(RankId{rank}); }
    int64_t rows_from(int rank) const;
    std::span<std::byte*> targets_of(int rank);
    void aim(int rank, std::byte* first);
    void write_rows(Stores stores);
    void send_to_other_nodes();
    void write_to_peers();
    void find_results();
    void wait_for_messages();

    Routes routes_;
    ExchangeShape shape_;
    Hop hop_;
    ShmNode& node_;  ///< of the hop's transport
    int rank_;
    RowMessages messages_;
    std::vector<int> others_;   // ranks of other nodes
    std::vector<int> waiting_;  // places with rows still to write
    RowPacker packer_;
    Arrivals arrivals_;
    std::vector<int32_t> counting_;        // 0, 1, 2 ...
    std::vector<std::byte*> target_;       // [rows] where it is written next; null = not now
    std::vector<std::byte const*> found_;  // [rows] its result
    HostBuffer sent_, returned_;           // rows to and from other nodes
    HostBuffer results_;                   // of entries that share rows
    // What rows are written from: the tokens of the plan, or its rows in order.
    BufferView from_;
    std::span<int32_t const> rows_of_;
    int rows_each_ = 1;
    BufferView arrived_;
};

}  // namespace epsim
