#include "exchange/plugin/plugin_transport.hpp"
#include "exchange/transport_exchange.hpp"

#include <gmock/gmock.h>

#include "comm/mpi_session.hpp"
#include "exchange/contract.hpp"
#include "exchange/plugin_path.hpp"
#include "exchange/traffic.hpp"

namespace epsim::test {
namespace {

using testing::HasSubstr;

struct Plugin : testing::Test {
    Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
    ClusterTopology topology = ClusterTopology::blocks(comm.size(), 3);
    std::optional<ExchangePlugin> loaded;

    std::unique_ptr<Transport> transport(std::string const& name) {
        loaded.emplace(plugin_path(name));
        return make_plugin_transport(*loaded, comm, topology);
    }
    /// What `work` throws on this rank.
    template <class Failure, class Work>
    static std::string failure(Work&& work) {
        try {
            work();
        } catch (Failure const& e) {
            return e.what();
        }
        return "";
    }
};

TEST_F(Plugin, KeepsTheContractOnRandomRouting) {
    for (unsigned seed = 1; seed <= 20; ++seed)
        for (auto const* name : {"sample", "own_memory"}) {
            auto const make = [&](Placement const& placement, Dedup dedup,
                                  ExchangeShape const& shape) {
                return make_flat_exchange(transport(name), placement, dedup, shape);
            };
            ContractCase{seed, comm.size(), static_cast<Dedup>(seed % 2)}.run(index(comm.rank()),
                                                                              make);
            ASSERT_TRUE(comm.all_agree(!HasFatalFailure())) << name;
        }
}

TEST_F(Plugin, MovesEveryRowInRepeatedCalls) {
    for (auto const* name : {"sample", "own_memory"}) repeated_calls(*transport(name), comm, 9);
}

TEST_F(Plugin, ARankThatCannotBeSetUpFailsAllWithItsText) {
    auto const text = failure<CollectiveError>([&] { transport("failing_create"); });
    EXPECT_THAT(text, HasSubstr("epsim-broken 1.0 ("));
    EXPECT_THAT(text,
                HasSubstr("(rank " + std::to_string(comm.size() - 1) + ": no such device: acme0)"));
    // The next one finds everything in order.
    repeated_calls(*transport("sample"), comm, 10);
}

TEST_F(Plugin, AFailedCallGivesThePluginsText) {
    auto const broken = transport("failing_rows");
    std::vector<int64_t> const offset(static_cast<std::size_t>(comm.size()) + 1);
    auto const call = [&](Lane lane) {
        return failure<Error>([&] { broken->all_to_all_rows(lane, nullptr, offset, offset, 16); });
    };
    EXPECT_EQ(call(Lane::dispatch), "");
    auto const text = call(Lane::combine);
    EXPECT_THAT(text, HasSubstr("all_to_all_rows of the exchange plugin epsim-broken"));
    EXPECT_THAT(text, HasSubstr("failed on rank " + std::to_string(index(comm.rank())) +
                                " (link acme0 is down)"));
}

TEST_F(Plugin, ImpossibleCountsAreNotUsed) {
    auto const counts = transport("negative_count");
    std::vector<int32_t> const send(static_cast<std::size_t>(comm.size()), 1);
    std::vector<int32_t> receive(send.size());
    EXPECT_THAT(failure<VerificationError>([&] { counts->all_to_all(send, receive); }),
                HasSubstr("received -1 from rank 0"));
}

TEST_F(Plugin, UnalignedMemoryIsNotUsed) {
    auto const broken = transport("unaligned_memory");
    std::vector<int64_t> offset(static_cast<std::size_t>(comm.size()) + 1, 1);
    offset[0] = 0;
    std::byte const row{};
    EXPECT_THAT(
        failure<Error>([&] { broken->all_to_all_rows(Lane::dispatch, &row, offset, offset, 1); }),
        HasSubstr("not aligned to 64 bytes"));
}

}  // namespace
}  // namespace epsim::test
