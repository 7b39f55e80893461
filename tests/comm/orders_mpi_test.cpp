#include "comm/orders.hpp"

#include <gtest/gtest.h>

#include "comm/network_load.hpp"

namespace epsim {
namespace {

enum Order { begin, rest, leave };

/// The last rank, and only it, finds orders between pieces of work; the others know of them.
TEST(Orders, ReachWhoIsAtWork) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    Orders orders(comm);
    bool const works = index(comm.rank()) == comm.size() - 1 && comm.size() > 1;
    for (int n = 0; n < 20; ++n) {
        bool const flag = n % 3 == 0;
        if (!works) {
            orders.say(comm.is_root() ? n : 0);
            EXPECT_EQ(orders.meet(flag && comm.size() == 1), flag);
            continue;
        }
        orders.listen();
        while (!orders.heard()) {
        }
        EXPECT_EQ(orders.order(), n);
        orders.join(flag);
    }
}

/// As an aggressor does: bursts until rank 0 of all says so, whoever learns of it first.
TEST(NetworkLoad, RunsUntilItIsToldToRest) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    if (comm.size() < 3) GTEST_SKIP() << "needs 2 ranks beside the one that gives orders";
    auto const group = comm.split(comm.is_root() ? 0 : 1);
    for (auto const* pattern : {"incast", "allreduce"}) {
        Orders orders(comm);
        if (comm.is_root()) {
            for (int n = 0; n < 5; ++n) {
                orders.say(begin);
                EXPECT_FALSE(orders.meet(false));
                orders.say(n < 4 ? rest : leave);
                EXPECT_TRUE(orders.meet(false));
            }
            continue;
        }
        NetworkLoad load(group, pattern, 80'000);
        int64_t bursts = 0;
        for (int order = begin; order != leave;) {
            orders.listen();
            EXPECT_EQ(orders.order(), begin);
            load.burst(true);
            orders.join(false);
            orders.listen();
            for (++bursts; load.burst(!(group.is_root() && orders.heard())); ++bursts) {
            }
            order = orders.order();
            EXPECT_TRUE(orders.meet(true));
        }
        EXPECT_EQ(group.all_max(bursts) * group.size(), group.all_sum(bursts));
    }
}

}  // namespace
}  // namespace epsim
