#pragma once

#include <memory>
#include <vector>

#include "exchange/arrivals.hpp"
#include "exchange/exchange.hpp"
#include "exchange/exchange_shape.hpp"
#include "exchange/hop.hpp"
#include "exchange/row_packer.hpp"

namespace epsim {

/// Counts, then metadata, then rows, hop by hop, each by an all-to-all of a transport. Rows are
/// brought into send order before each hop, and on the way back summed after it.
///
/// Without dedup rows travel and return one by one, and their source applies the gate weights. With
/// dedup the rank of the experts does (it sums what shares a row), and every rank that forwarded a
/// row to several sums what comes back.
class TransportExchange final : public Exchange {
public:
    /// \param transports one a hop, with receive memory of its own   \param routes of the hops
    TransportExchange(std::vector<std::unique_ptr<Transport>> transports, Routes routes,
                      ExchangeShape const& shape);

    Route const& route() const override { return routes_.front(); }
    void prepare(DispatchPlan const& plan) override;
    void permute(BufferView tokens, Stream& stream) override;
    void dispatch(Stream& stream) override;
    GroupedRows received(Stream& stream) override;
    BufferView results() override;
    void merge(Stream& stream) override;
    void combine(Stream& stream) override;
    void unpermute(std::span<float const> weight, BufferView out, Stream& stream) override;
    int hops() const override { return static_cast<int>(hops_.size()); }
    std::vector<HopTraffic> traffic() const override;

private:
    Routes routes_;
    ExchangeShape shape_;
    std::vector<Hop> hops_;
    std::vector<DispatchPlanner> planner_;  // of the hops after the first
    RowPacker packer_;
    Arrivals arrivals_;
    std::unique_ptr<RowEngine> engine_;
    std::vector<RowBuffer> forwarded_, summed_;  // of the hops after the first
    RowBuffer results_, merged_;
    BufferView packed_, arrived_, returned_;
};

/// An exchange of one hop over a transport, with the shape's capacity. \throws InputError for
/// Dedup::node
std::unique_ptr<Exchange> make_flat_exchange(std::unique_ptr<Transport> transport,
                                             Placement const& placement, Dedup dedup,
                                             ExchangeShape const& shape);

}  // namespace epsim
