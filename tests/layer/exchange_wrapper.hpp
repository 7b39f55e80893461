#pragma once

#include <memory>
#include <utility>

#include "exchange/exchange.hpp"

namespace epsim::test {

/// An exchange that hands every call on: to change one of them.
class ExchangeWrapper : public Exchange {
public:
    explicit ExchangeWrapper(std::unique_ptr<Exchange> inner) : inner_(std::move(inner)) {}

    Route const& route() const override { return inner_->route(); }
    bool one_pass() const override { return inner_->one_pass(); }
    void prepare(DispatchPlan const& plan) override { inner_->prepare(plan); }
    void permute(BufferView tokens, Stream& stream) override { inner_->permute(tokens, stream); }
    void dispatch(Stream& stream) override { inner_->dispatch(stream); }
    GroupedRows received(Stream& stream) override { return inner_->received(stream); }
    BufferView results() override { return inner_->results(); }
    void merge(Stream& stream) override { inner_->merge(stream); }
    void combine(Stream& stream) override { inner_->combine(stream); }
    void unpermute(std::span<float const> weight, BufferView out, Stream& stream) override {
        inner_->unpermute(weight, out, stream);
    }
    int hops() const override { return inner_->hops(); }
    std::vector<HopTraffic> traffic() const override { return inner_->traffic(); }

private:
    std::unique_ptr<Exchange> inner_;
};

}  // namespace epsim::test
