#include "store/bound_check.hpp"

#include <gmock/gmock.h>

#include "store/random_record.hpp"
#include "store/result_file.hpp"
#include "store/run_directory.hpp"
#include "store/verify.hpp"
#include "support/temporary_directory.hpp"

namespace epsim {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> violations(RunRecord const& record) {
    std::vector<std::string> found;
    for (auto const& finding : check_bounds(record))
        if (!finding.violation.empty()) found.push_back(finding.rule + ": " + finding.violation);
    return found;
}

RunRecord bounded_record() {
    for (unsigned seed = 0;; ++seed)
        if (auto record = random_record(seed); !record.bound.empty()) return record;
}

TEST(BoundCheck, HoldsForRandomRunsWithAndWithoutBounds) {
    int bounded = 0;
    for (unsigned seed = 0; seed < 50; ++seed) {
        auto const record = random_record(seed);
        EXPECT_THAT(violations(record), ElementsAre());
        bounded += !check_bounds(record).empty();
    }
    EXPECT_GT(bounded, 5);
    EXPECT_LT(bounded, 45);
}

TEST(BoundCheck, PlantedFaultsAreNamed) {
    auto const broken = [](auto&& spoil) {
        auto record = bounded_record();
        spoil(record);
        auto const found = violations(record);
        return found.empty() ? "" : found.front();
    };
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THAT(
        broken([](RunRecord& r) { r.least_bound(0, 1, 1) = 7; }),
        HasSubstr("T_lb* <= T_lb, or neither is known: step 7, layer 2, layout: T_lb* is 7"));
    EXPECT_THAT(broken([](RunRecord& r) { r.least_bound(0, 0, 2) = -1; }), HasSubstr("is -1"));
    EXPECT_THAT(broken([](RunRecord& r) { r.least_bound(0, 0, 2) = nan; }), HasSubstr("is nan"));
    EXPECT_THAT(broken([](RunRecord& r) { r.bound(0, 0, 2) = HUGE_VAL; }), HasSubstr("T_lb inf"));
    EXPECT_THAT(broken([](RunRecord& r) { r.bound_resource(0, 0, 2) = -1; }),
                HasSubstr("a resource limits exactly what is bounded: step 7, layer 1, counts"));
    EXPECT_THAT(broken([](RunRecord& r) { r.bound_resource(0, 0, 2) = 2; }),
                HasSubstr("limited by resource 2 of 2"));
    EXPECT_THAT(broken([](RunRecord& r) { r.bound_resource(0, 0, 3) = 0; }),
                HasSubstr("limited by resource 0"));
    EXPECT_THAT(broken([](RunRecord& r) { r.least_bound = {}; }), HasSubstr("missing"));
}

TEST(BoundCheck, IsPartOfVerify) {
    TemporaryDirectory const directory;
    auto run = RunDirectory::create(directory / "run");
    auto record = bounded_record();
    record.least_bound(0, 0, 2) = 7;
    auto const reports = verify(run.seal(record));
    EXPECT_THAT(reports.at(0).violations, Contains(HasSubstr("T_lb* is 7")));
}

}  // namespace
}  // namespace epsim
