#include "comm/root_clock.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "support/drifting_clock.hpp"

namespace epsim::test {
namespace {

struct Hosts {
    double drift;      ///< of their clocks, at most
    int ranks_a_host;  ///< which share a clock
};

class DriftingHosts : public testing::TestWithParam<Hosts> {
protected:
    DriftingHosts()
        : domain_(blocks_of(GetParam().ranks_a_host, comm_.size())),
          clocks_(drifting_clocks(random_, domain_.back() + 1, GetParam().drift,
                                  comm_.broadcast(real_.now()))),
          own_(clocks_[static_cast<std::size_t>(
              domain_[static_cast<std::size_t>(index(comm_.rank()))])]),
          bounds_{2.1 * GetParam().drift, 1e-6} {}

    int rank() const { return index(comm_.rank()); }
    bool in_root_domain() const { return domain_[static_cast<std::size_t>(rank())] == 0; }
    /// What rank 0's clock shows when the host's shows `real`.
    double truth(double real) const { return clocks_.front().at(real); }

    Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random_{11};  // the same on all ranks
    MonotonicClock real_;
    std::vector<int> domain_;
    std::vector<DriftingClock> clocks_;
    DriftingClock const& own_;
    DriftBounds bounds_;
};

constexpr double rounding_s = 1e-9;  // of a clock's reading as a double

TEST_P(DriftingHosts, EveryTimeIsWithinItsErrorOfRank0sClock) {
    RootClock clock(comm_, own_, domain_, bounds_);
    std::vector<double> read;  // times on the host's clock
    std::mt19937 pauses(static_cast<unsigned>(rank()));
    std::uniform_real_distribution<double> pause_s(0, 4e-3);
    for (int epoch = 0; epoch < 6; ++epoch) {
        for (int i = 0; i < 8; ++i) {
            std::this_thread::sleep_for(std::chrono::duration<double>(pause_s(pauses)));
            read.push_back(real_.now());
            double const own = own_.at(read.back());
            EXPECT_LE(std::abs(clock.to_root(own) - truth(read.back())),
                      clock.error(own) + rounding_s)
                << "ahead of the comparison after epoch " << epoch;
        }
        clock.compare();
    }
    for (double const real : read) {
        double const own = own_.at(real);
        EXPECT_LE(std::abs(clock.to_root(own) - truth(real)), clock.error(own) + rounding_s);
        EXPECT_EQ(clock.error(own) == 0, in_root_domain());
        if (in_root_domain()) {
            EXPECT_EQ(clock.to_root(own), own);
        }
    }
    double const before = truth(real_.now()), now = clock.now(), after = truth(real_.now());
    double const error = clock.error(own_.now());
    EXPECT_GE(now, before - error - rounding_s);
    EXPECT_LE(now, after + error + rounding_s);
}

TEST_P(DriftingHosts, RanksOfOneHostHoldTheSameEpochs) {
    RootClock clock(comm_, own_, domain_, bounds_);
    for (int i = 0; i < 3; ++i) clock.compare();
    std::vector<double> mine;
    for (auto const& epoch : clock.fit().epochs())
        mine.insert(mine.end(),
                    {epoch.t_ref, epoch.offset, epoch.error, epoch.slope, epoch.wander});
    ASSERT_EQ(mine.size(), 4u * 5u);
    auto const all = comm_.gather(std::span<double const>(mine));
    if (!comm_.is_root()) return;
    auto const size = static_cast<std::ptrdiff_t>(mine.size());
    for (int r = 0; r < comm_.size(); ++r) {
        int const leader = r - r % GetParam().ranks_a_host;
        EXPECT_TRUE(std::equal(all.begin() + r * size, all.begin() + (r + 1) * size,
                               all.begin() + leader * size))
            << "rank " << r;
    }
}

INSTANTIATE_TEST_SUITE_P(RootClock, DriftingHosts,
                         testing::Values(Hosts{50e-6, 1}, Hosts{50e-6, 2}, Hosts{0.01, 1},
                                         Hosts{0.01, 2}),
                         [](auto const& test) {
                             return (test.param.drift > 1e-3 ? "PerCent" : "Ppm") +
                                    std::to_string(test.param.ranks_a_host) + "RanksAHost";
                         });

/// Domains need not be blocks of ranks, nor rank 0's alone.
TEST(RootClock, FindsADomainsLeaderWhereverItsRanksAre) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(5);
    std::vector<int> domain;
    for (int r = 0; r < comm.size(); ++r) domain.push_back(r % 3 == 2 ? 0 : 7 - r % 3);
    auto const clocks = drifting_clocks(random, 8, 50e-6, comm.broadcast(MonotonicClock().now()));
    auto const clock_of = [&](int r) -> DriftingClock const& {
        return clocks[static_cast<std::size_t>(domain[static_cast<std::size_t>(r)])];
    };
    RootClock const clock(comm, clock_of(index(comm.rank())), domain);
    double const real = MonotonicClock().now(), own = clock_of(index(comm.rank())).at(real);
    EXPECT_LE(std::abs(clock.to_root(own) - clock_of(0).at(real)), clock.error(own) + rounding_s);
    EXPECT_EQ(clock.error(own) == 0, index(comm.rank()) % 3 == 0);
}

TEST(HostDomains, AllRanksHereShareOneClock) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    auto const domain = host_domains(comm);
    EXPECT_EQ(domain, std::vector<int>(static_cast<std::size_t>(comm.size()), 0));
}

}  // namespace
}  // namespace epsim::test
