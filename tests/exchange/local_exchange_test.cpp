#include <thread>

#include "core/error.hpp"

#include "exchange/contract.hpp"
#include "exchange/local/local_transport.hpp"
#include "exchange/transport_exchange.hpp"

namespace epsim::test {
namespace {

class LocalExchange : public testing::TestWithParam<int> {};

TEST_P(LocalExchange, KeepsTheContractOnRandomRouting) {
    int const ranks = GetParam();
    for (unsigned seed = 1; seed <= 60; ++seed) {
        auto transports = make_local_transports(ranks);
        std::vector<std::thread> threads;
        for (int r = 0; r < ranks; ++r)
            threads.emplace_back([&, r] {
                auto const make = [&](Placement const& placement, Dedup dedup,
                                      ExchangeShape shape) {
                    if (seed % 3 > 0) shape.capacity = {};  // counts travel, and no padding
                    return make_flat_exchange(std::move(transports[static_cast<std::size_t>(r)]),
                                              placement, dedup, shape);
                };
                ContractCase{seed, ranks, static_cast<Dedup>(seed % 2)}.run(r, make);
            });
        for (auto& thread : threads) thread.join();
        if (HasFatalFailure()) return;
    }
}

INSTANTIATE_TEST_SUITE_P(Ranks, LocalExchange, testing::Values(1, 2, 3, 5, 8, 16));

}  // namespace
}  // namespace epsim::test
