#include "measure/array.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "measure/phase_recorder.hpp"

namespace epsim {
namespace {

TEST(Array, IsInCOrder) {
    Array<int, 3> a({2, 3, 5});
    ASSERT_EQ(a.flat().size(), 30u);
    for (std::size_t i = 0; i < 30; ++i) a.flat()[i] = static_cast<int>(i);
    for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 3; ++j)
            for (int k = 0; k < 5; ++k) EXPECT_EQ(a(i, j, k), (i * 3 + j) * 5 + k);
}

TEST(Array, MayBeEmptyButNotAbsurd) {
    EXPECT_TRUE((Array<int, 2>({0, 7}).empty()));
    EXPECT_EQ((Array<int, 2>({0, 7}).extent(1)), 7);
    EXPECT_EQ((Array<int, 2>({2, 2}, 9)(1, 1)), 9);
    EXPECT_THROW((Array<int, 2>({-1, 7})), InputError);
    EXPECT_THROW((Array<char, 2>({int64_t{1} << 40, int64_t{1} << 40})), InputError);
}

class CountingClock final : public Clock {
public:
    double now() const override { return ticks_++; }

private:
    mutable double ticks_ = 0;
};

TEST(PhaseRecorder, StampsIntervalsAndLeavesTheRestBlank) {
    CountingClock const clock;
    PhaseRecorder recorder(clock, 2);
    recorder.begin_iteration();
    recorder.begin_layer(1);
    recorder.time(Phase::expert, [] {});
    recorder.time(Phase::combine, [] {});
    recorder.skip();
    recorder.time(Phase::unpermute, [] {});
    for (int64_t layer = 0; layer < 2; ++layer)
        for (int64_t p = 0; p < static_cast<int64_t>(phase_count); ++p) {
            bool const ran = layer == 1 && (p == static_cast<int64_t>(Phase::expert) ||
                                            p == static_cast<int64_t>(Phase::combine) ||
                                            p == static_cast<int64_t>(Phase::unpermute));
            EXPECT_EQ(std::isnan(recorder.start()(layer, p)), !ran);
            EXPECT_EQ(std::isnan(recorder.end()(layer, p)), !ran);
        }
    EXPECT_EQ(recorder.start()(1, static_cast<int64_t>(Phase::expert)), 0);
    EXPECT_EQ(recorder.end()(1, static_cast<int64_t>(Phase::expert)), 1);
    EXPECT_EQ(recorder.start()(1, static_cast<int64_t>(Phase::combine)), 1) << "it follows";
    EXPECT_EQ(recorder.end()(1, static_cast<int64_t>(Phase::combine)), 2);
    EXPECT_EQ(recorder.start()(1, static_cast<int64_t>(Phase::unpermute)), 3) << "after the skip";
    EXPECT_EQ(recorder.end()(1, static_cast<int64_t>(Phase::unpermute)), 4);
    recorder.begin_iteration();
    EXPECT_TRUE(std::isnan(recorder.end()(1, static_cast<int64_t>(Phase::combine))));
}

TEST(MonotonicClock, MovesForward) {
    MonotonicClock const clock;
    double const before = clock.now();
    EXPECT_LE(before, clock.now());
}

}  // namespace
}  // namespace epsim
