#include "exchange/transport_exchange.hpp"

#include "core/error.hpp"

namespace epsim {

TransportExchange::TransportExchange(std::vector<std::unique_ptr<Transport>> transports,
                                     Routes routes, ExchangeShape const& shape)
    : routes_(std::move(routes)),
      shape_(shape),
      planner_(routes_.size() - 1),
      packer_(shape),
      arrivals_(shape),
      engine_(make_row_engine(shape.device)),
      results_(memory_of(shape.device), shape.combine_dtype, shape.hidden,
               RowBuffer::Content::zeros),
      merged_(memory_of(shape.device), shape.combine_dtype, shape.hidden) {
    check(transports.size() == routes_.size(), "every hop has a transport");
    for (std::size_t h = 0; h < routes_.size(); ++h)
        hops_.emplace_back(std::move(transports[h]), shape, routes_[h].capacity);
    for (std::size_t h = 1; h < hops_.size(); ++h) {
        forwarded_.emplace_back(memory_of(shape.device), shape.wire_dtype, shape.hidden);
        summed_.emplace_back(memory_of(shape.device), shape.combine_dtype, shape.hidden);
    }
}

void TransportExchange::prepare(DispatchPlan const& plan) {
    hops_.front().prepare(plan);
    for (std::size_t h = 1; h < hops_.size(); ++h)
        hops_[h].prepare(planner_[h - 1].plan(hops_[h - 1].arrivals(), routes_[h]));
    arrivals_.index(hops_.back().arrivals(), routes_.back().merge);
}

void TransportExchange::permute(BufferView tokens, Stream& stream) {
    packed_ = packer_.pack(hops_.front().plan(), tokens, stream);
}

void TransportExchange::dispatch(Stream& stream) {
    arrived_ = hops_.front().dispatch(packed_);
    for (std::size_t h = 1; h < hops_.size(); ++h) {
        auto const& plan = hops_[h].plan();
        BufferView const forwarded = forwarded_[h - 1].rows(plan.rows());
        engine_->gather(arrived_, plan.row_token, forwarded, stream);
        stream.synchronise();  // transports have an order of their own
        arrived_ = hops_[h].dispatch(forwarded);
    }
}

GroupedRows TransportExchange::received(Stream& stream) {
    return arrivals_.group(arrived_, stream);
}

BufferView TransportExchange::results() {
    return results_.rows(arrivals_.results());
}

void TransportExchange::merge(Stream& stream) {
    if (!routes_.back().merge) return;
    arrivals_.merge(results(), merged_.rows(hops_.back().received_rows()), stream);
}

void TransportExchange::combine(Stream& stream) {
    returned_ = hops_.back().combine(
        routes_.back().merge ? merged_.rows(hops_.back().received_rows()) : results());
    for (std::size_t h = hops_.size() - 1; h > 0; --h) {
        auto const& plan = hops_[h].plan();
        BufferView const summed = summed_[h - 1].rows(plan.tokens);
        engine_->sum_groups(returned_, plan.item_offset, plan.assignment_row, {}, summed, stream);
        stream.synchronise();
        returned_ = hops_[h - 1].combine(summed);
    }
}

void TransportExchange::unpermute(std::span<float const> weight, BufferView out, Stream& stream) {
    auto const& plan = hops_.front().plan();
    engine_->sum_groups(returned_, plan.item_offset, plan.assignment_row, weight, out, stream);
}

std::vector<HopTraffic> TransportExchange::traffic() const {
    std::vector<HopTraffic> sent;
    for (auto const& hop : hops_) sent.push_back(hop.traffic());
    return sent;
}

std::unique_ptr<Exchange> make_flat_exchange(std::unique_ptr<Transport> transport,
                                             Placement const& placement, Dedup dedup,
                                             ExchangeShape const& shape) {
    std::vector<std::unique_ptr<Transport>> hop;
    hop.push_back(std::move(transport));
    auto routes = flat_routes(placement, dedup);
    routes.front().capacity = shape.capacity;
    return std::make_unique<TransportExchange>(std::move(hop), std::move(routes), shape);
}

}  // namespace epsim
