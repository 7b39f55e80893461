#include "layer/injection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.hpp"

namespace epsim::test {
namespace {

using ::testing::HasSubstr;

std::string refusal(InjectOptions const& options, int ranks, std::vector<Phase> const& phases) {
    try {
        require_possible(options, ranks, phases, "a = b");
    } catch (InputError const& e) {
        return e.what();
    }
    return "";
}

TEST(RequirePossible, KnowsRanksAndPhases) {
    std::vector const phases{Phase::counts, Phase::dispatch};
    for (int const rank : {-1, 0, 3})
        for (auto const* phase : {"none", "counts", "dispatch"})
            EXPECT_EQ(refusal({phase, rank}, 4, phases), "") << phase << rank;
    EXPECT_THAT(refusal({"dispatch", 4}, 4, phases), HasSubstr("inject.rank = 4 with 4 MPI ranks"));
    EXPECT_THAT(refusal({"none", 1}, 1, phases), HasSubstr("inject.rank = 1 with 1 MPI rank ("));
    EXPECT_THAT(refusal({"permute", 0}, 4, phases), HasSubstr("inject.phase = permute with a = b"));
    EXPECT_THAT(refusal({"permute", -1}, 4, phases), HasSubstr("counts, dispatch"));
}

}  // namespace
}  // namespace epsim::test
