#include "comm/turns.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "comm/mpi_session.hpp"
#include "measure/clock.hpp"

namespace epsim::test {
namespace {

/// Ranks of equal parity are one run; all ranks share a host and so a clock.
TEST(Turns, OfTwoRunsNeverOverlapAndBothComeOften) {
    auto const world = Communicator::duplicate(MPI_COMM_WORLD);
    int const run = index(world.rank()) % 2, runs = std::min(world.size(), 2);
    auto const comm = world.split(run);
    auto const file = world.broadcast(
        (std::filesystem::temp_directory_path() / ("turns-" + std::to_string(getpid()))).string());
    MonotonicClock const clock;
    std::vector<double> times;  // begin and end of each piece of work
    {
        Turns turns(comm, file, runs, [] { return false; });
        for (int i = 0; i < 40; ++i) {
            turns.next();
            times.push_back(clock.now());
            std::this_thread::sleep_for(std::chrono::milliseconds(4));
            times.push_back(comm.all_max(clock.now()));
        }
    }
    auto const all = world.gather(std::span<double const>(times));
    if (!world.is_root()) return;
    std::filesystem::remove(file);
    if (runs < 2) return;
    auto const piece = [&](int rank, std::size_t i) {
        auto const at = static_cast<std::size_t>(rank) * times.size() + 2 * i;
        return std::pair{all[at], all[at + 1]};
    };
    int changes = 0;
    for (std::size_t i = 0; i < 40; ++i) {
        for (std::size_t j = 0; j < 40; ++j) {
            auto const [a_begin, a_end] = piece(0, i);
            auto const [b_begin, b_end] = piece(1, j);
            EXPECT_TRUE(a_end <= b_begin || b_end <= a_begin) << "both worked at once";
        }
        if (i > 0 && piece(0, i).first - piece(0, i - 1).second > 0.01) ++changes;
    }
    EXPECT_GE(changes, 2) << "the first run kept every turn";
}

TEST(Turns, WaitingForOthersEndsWhenAskedToStop) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    auto const file = comm.broadcast(
        (std::filesystem::temp_directory_path() / ("alone-" + std::to_string(getpid()))).string());
    try {
        Turns const turns(comm, file, 2, [] { return true; });
        FAIL() << "there is no other run";
    } catch (CollectiveError const& e) {
        EXPECT_EQ(e.exit_code(), ExitCode::interrupted);
    }
    if (comm.is_root()) std::filesystem::remove(file);
}

TEST(Turns, AFileThatCannotBeWrittenIsRefused) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    EXPECT_THROW(Turns(comm, "/nowhere/turns", 1, [] { return false; }), CollectiveError);
}

}  // namespace
}  // namespace epsim::test
