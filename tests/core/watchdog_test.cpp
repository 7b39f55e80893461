#include "core/watchdog.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "core/stop_signals.hpp"

namespace epsim {
namespace {

using testing::ExitedWithCode;

void pause_for(double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

/// Work that goes on for so long, with a heartbeat every 10 ms.
void work_for(Heartbeat& heartbeat, double seconds) {
    for (int i = 0; i < seconds * 100; ++i) {
        heartbeat.beat();
        pause_for(0.01);
    }
}

/// In a child process that ends with 0 if nobody ends it before.
template <class Body>
[[noreturn]] void alone(Body const& body) {
    body();
    std::_Exit(0);
}

class WatchdogDeathTest : public testing::Test {
protected:
    WatchdogDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(WatchdogDeathTest, EndsAProcessWithoutProgress) {
    EXPECT_EXIT(alone([] {
                    Heartbeat heartbeat;
                    heartbeat.enter("a test");
                    Watchdog const watchdog("[rank 3]", heartbeat, {0.5, 0}, {});
                    pause_for(60);
                }),
                ExitedWithCode(75), "\\[rank 3\\] stalled: no progress for 0\\..* s in a test");
}

TEST_F(WatchdogDeathTest, LetsAProcessWithProgressGoOn) {
    EXPECT_EXIT(alone([] {
                    Heartbeat heartbeat;
                    Watchdog const watchdog("", heartbeat, {1, 0}, {});
                    work_for(heartbeat, 2.5);
                }),
                ExitedWithCode(0), "^$");
}

TEST_F(WatchdogDeathTest, ZeroIsNoLimit) {
    EXPECT_EXIT(alone([] {
                    Heartbeat const heartbeat;
                    Watchdog const watchdog("", heartbeat, {0, 0}, {});
                    pause_for(1.5);
                    if (watchdog.timed_out()) std::_Exit(1);
                }),
                ExitedWithCode(0), "^$");
}

TEST_F(WatchdogDeathTest, TakesLimitsAtAnyTime) {
    EXPECT_EXIT(alone([] {
                    Heartbeat const heartbeat;
                    Watchdog watchdog("", heartbeat, {0, 0}, {});
                    watchdog.set_limits({0.3, 0});
                    pause_for(60);
                }),
                ExitedWithCode(75), "stalled");
}

TEST_F(WatchdogDeathTest, EndsAProcessThatWorksOnAfterTheTimeout) {
    EXPECT_EXIT(alone([] {
                    Heartbeat heartbeat;
                    Watchdog const watchdog("", heartbeat, {1, 0.5}, {});
                    work_for(heartbeat, 60);
                }),
                ExitedWithCode(75), "asked to stop, and still in start-up");
}

TEST_F(WatchdogDeathTest, EndsAProcessThatWorksOnAfterASignal) {
    EXPECT_EXIT(alone([] {
                    catch_stop_signals();
                    Heartbeat heartbeat;
                    Watchdog const watchdog("", heartbeat, {1, 0}, {});
                    std::raise(SIGUSR1);
                    work_for(heartbeat, 60);
                }),
                ExitedWithCode(75), "asked to stop");
}

TEST_F(WatchdogDeathTest, TellsOfARequestAndOfTheEnd) {
    auto const say = [](std::string const& text) {
        [[maybe_unused]] auto const n = ::write(STDERR_FILENO, text.data(), text.size());
    };
    EXPECT_EXIT(alone([&] {
                    Heartbeat const heartbeat;
                    Watchdog const watchdog("", heartbeat, {1.5, 0.2},
                                            {[&](auto const& problem) { say("END " + problem); },
                                             [&] { say("ASKED "); }});
                    pause_for(60);
                }),
                ExitedWithCode(75), "^ASKED  stalled.*\n?.*END stalled");
}

TEST_F(WatchdogDeathTest, TimeInWhichTheProcessIsStoppedDoesNotCount) {
    EXPECT_EXIT(alone([] {
                    pid_t const child = fork();
                    if (child == 0) {
                        Heartbeat heartbeat;
                        Watchdog const watchdog("", heartbeat, {2, 0}, {});
                        work_for(heartbeat, 1);
                        std::_Exit(0);
                    }
                    pause_for(0.5);
                    kill(child, SIGSTOP);
                    pause_for(2.5);
                    kill(child, SIGCONT);
                    int status = -1;
                    waitpid(child, &status, 0);
                    if (status != 0) std::_Exit(1);
                }),
                ExitedWithCode(0), "^$");
}

using StopSignalsDeathTest = WatchdogDeathTest;

TEST_F(StopSignalsDeathTest, TheFirstIsNotedAndNobodyDies) {
    for (int const signal : {SIGTERM, SIGINT, SIGUSR1})
        EXPECT_EXIT(alone([&] {
                        catch_stop_signals();
                        if (stop_signal() != 0) std::_Exit(1);
                        std::raise(signal);
                        std::raise(SIGTERM);  // the same request by another way
                        if (stop_signal() != signal) std::_Exit(2);
                    }),
                    ExitedWithCode(0), "");
}

TEST_F(StopSignalsDeathTest, ASecondOneAfterASecondEndsAtOnce) {
    EXPECT_EXIT(alone([] {
                    catch_stop_signals();
                    std::raise(SIGTERM);
                    pause_for(1.1);
                    std::raise(SIGINT);
                }),
                ExitedWithCode(75), "");
    EXPECT_EXIT(alone([] {  // a warning, and later the time limit itself
                    catch_stop_signals();
                    std::raise(SIGUSR1);
                    pause_for(1.1);
                    std::raise(SIGUSR1);
                    std::raise(SIGTERM);
                }),
                ExitedWithCode(0), "");
}

TEST(StopSignals, HaveNames) {
    EXPECT_EQ(signal_name(SIGTERM), "SIGTERM");
    EXPECT_EQ(signal_name(SIGUSR1), "SIGUSR1");
    EXPECT_EQ(signal_name(1000), "signal 1000");
}

}  // namespace
}  // namespace epsim
