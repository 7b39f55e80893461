#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "layer/exchange_wrapper.hpp"
#include "layer/input_output_counter.hpp"
#include "layer/iteration_windows.hpp"
#include "layer/replay_fixture.hpp"
#include "support/allocation_log.hpp"

namespace epsim::test {
namespace {

struct Case {
    char const* kernel;
    char const* algorithm;
    DType type;
    char const* start = "aligned";
    int warmup = 1;
    char const* verify = "full";
    Overlap overlap = {};
};

/// An exchange that does something on the side when rows are sent.
class BusyExchange final : public ExchangeWrapper {
public:
    BusyExchange(std::unique_ptr<Exchange> inner, std::function<void()> extra)
        : ExchangeWrapper(std::move(inner)), extra_(std::move(extra)) {}
    void dispatch(Stream& stream) override {
        extra_();
        ExchangeWrapper::dispatch(stream);
    }

private:
    std::function<void()> extra_;
};

constexpr int layers = 2, steps = 3, passes = 2;
constexpr int exchanges = layers * steps * passes;  // after warm-up

/// Replay layers with everything that an iteration can have; the largest step is not the first.
/// \param extra done whenever rows are sent
IterationWindows replay_with(Case const& with, LastReading const& clock,
                             std::function<void()> extra = {}) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(23);
    MemorySource const source(random, {7, 90, 31}, layers, 8, 2);
    auto spec = small_spec(source, with.type);
    spec.shape.shared_experts = 1;
    spec.shape.shared_intermediate = 5;
    spec.shape.shared_gated = true;
    spec.shape.dense_residual_intermediate = 7;
    SmallReplay replay(spec, source, comm);
    replay.kernel = with.kernel;
    replay.algorithm = with.algorithm;
    if (replay.algorithm == "allgather") replay.spec.dedup = Dedup::rank;
    replay.measure.start = with.start;
    replay.measure.warmup = with.warmup;
    replay.measure.min_passes = passes;
    replay.measure.verify = with.verify;
    replay.clock = &clock;
    replay.overlap = with.overlap;
    IterationWindows windows;
    replay.interrupted = [&, asked = 0]() mutable {
        // Of parts every second pass, from the second on, is one without overlap; the survey and
        // the verification ask before.
        bool const sequential = with.overlap.any() && asked++ / steps % 2 == 1;
        if (!sequential) windows.note_end(clock.last());
        return false;
    };
    auto const wrap = [&](std::unique_ptr<Exchange> inner) -> std::unique_ptr<Exchange> {
        if (!extra) return inner;
        return std::make_unique<BusyExchange>(std::move(inner), extra);
    };
    windows.close(replay.run(wrap, [](auto kernel) { return kernel; }), comm,
                  std::string_view(with.start) == "free" ? steps : 1);
    return windows;
}

/// Allocations in timed iterations, by who made them and how: "epsim new".
std::map<std::string, int> allocations(Case const& with, std::function<void()> extra = {}) {
    LastReading const clock;
    start_allocation_log();
    auto const windows = replay_with(with, clock, std::move(extra));
    std::map<std::string, int> calls;
    for (auto const& call : stop_allocation_log())
        if (windows.contain(call.time)) ++calls[owner(call) + ' ' + call.function];
    return calls;
}

class TimedIteration : public testing::TestWithParam<Case> {};

/// Open MPI now and then takes memory for messages that arrive early, and oneDNN 2.6 six small
/// pieces a product: that is theirs.
TEST_P(TimedIteration, NeitherTakesNorFreesMemory) {
    for (auto const& [call, times] : allocations(GetParam()))
        EXPECT_FALSE(call.starts_with("epsim ")) << call << ", " << times << " times";
}

INSTANTIATE_TEST_SUITE_P(
    All, TimedIteration,
    testing::Values(
        Case{"reference", "alltoallv", DType::f32}, Case{"reference", "alltoallv", DType::bf16},
        Case{"reference", "ring", DType::f32}, Case{"reference", "ring", DType::bf16},
        Case{"reference", "pairwise", DType::f32}, Case{"reference", "persistent", DType::f32},
        Case{"reference", "bruck", DType::f32}, Case{"onednn", "alltoallv", DType::f32},
        Case{"onednn", "alltoallv", DType::bf16}, Case{"onednn", "ring", DType::f32},
        Case{"onednn", "ring", DType::bf16}, Case{"onednn", "alltoallv", DType::f32, "free"},
        Case{"auto", "alltoallv", DType::f32}, Case{"auto", "ring", DType::bf16},
        Case{"reference", "shm", DType::bf16}, Case{"onednn", "shm", DType::f32, "free"},
        Case{"reference", "direct", DType::bf16}, Case{"onednn", "direct", DType::f32, "free"},
        Case{"reference", "padded", DType::f32}, Case{"onednn", "padded", DType::bf16, "free"},
        Case{"reference", "allgather", DType::bf16}, Case{"onednn", "allgather", DType::f32},
        Case{"reference", "ring", DType::bf16, "free"},
        Case{"onednn", "ring", DType::bf16, "aligned", 0, "off"},
        Case{"reference", "alltoallv", DType::f32, "free", 0, "off"},
        Case{"reference", "alltoallv", DType::f32, "aligned", 1, "full", {3, 1, true}},
        Case{"onednn", "ring", DType::bf16, "aligned", 1, "full", {3, 1, false}},
        Case{"reference", "alltoallv", DType::f32, "aligned", 1, "full", {1, 2, true}}),
    [](auto const& test) {
        auto const& c = test.param;
        return std::string(c.kernel) + "_" + c.algorithm + "_" + std::string(name_of(c.type)) +
               "_" + c.start + (c.warmup ? "" : "_unverified") +
               (c.overlap.any() ? fmt::format("_{}_parts_{}", c.overlap.parts(),
                                              c.overlap.thread ? "two_threads" : "one_thread")
                                : "");
    });

TEST(TimedIteration, AnAllocationInItWouldBeSeen) {
    std::unique_ptr<int> waste;
    for (auto const* start : {"aligned", "free"}) {
        auto calls = allocations({"reference", "alltoallv", DType::f32, start},
                                 [&] { waste = std::make_unique<int>(3); });
        EXPECT_EQ(calls["epsim new"], exchanges);
        EXPECT_EQ(calls["epsim delete"], exchanges);
    }
}

TEST(TimedIteration, NeitherReadsNorWritesAFile) {
    InputOutputCounter const clock;
    if (!clock.works()) GTEST_SKIP() << "this kernel does not count a thread's input and output";
    for (auto const* start : {"aligned", "free"})
        for (auto const* kernel : {"reference", "onednn"}) {
            auto const windows = replay_with({kernel, "ring", DType::f32, start}, clock);
            EXPECT_EQ(std::ranges::count_if(clock.changes(),
                                            [&](double time) { return windows.contain(time); }),
                      0);
        }
}

TEST(TimedIteration, AWriteInItWouldBeSeen) {
    InputOutputCounter const clock;
    if (!clock.works()) GTEST_SKIP() << "this kernel does not count a thread's input and output";
    int const nowhere = open("/dev/null", O_WRONLY);
    auto const windows = replay_with({"reference", "alltoallv", DType::f32}, clock,
                                     [&] { EXPECT_EQ(write(nowhere, "x", 1), 1); });
    close(nowhere);
    EXPECT_EQ(
        std::ranges::count_if(clock.changes(), [&](double time) { return windows.contain(time); }),
        exchanges);
}

}  // namespace
}  // namespace epsim::test
