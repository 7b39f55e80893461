#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "core/text.hpp"
#include "report/report.hpp"
#include "report/sections.hpp"
#include "support/synthetic_run.hpp"

namespace epsim {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

RunRecord bounded_run() {
    auto run = test::synthetic_run({}, 1);
    test::add_bounds(run, 2);
    return run;
}

std::string section(RunRecord const& run, int width = 100) {
    return limit_section(make_report_input(run, "runs/a.h5", {width, Charset::ascii}));
}

TEST(LimitSection, HasARowForEachPhaseThatIsBounded) {
    auto const run = bounded_run();
    auto const text = section(run);
    auto const input = make_report_input(run, "", {});
    for (auto const* phase : {"counts", "permute", "dispatch", "expert", "combine", "unpermute"}) {
        auto const name = fmt::format("bound_{}", phase);
        EXPECT_THAT(text, HasSubstr(format_si(input.value(name), "s")));
        EXPECT_THAT(text, HasSubstr(percent_text(input.value(name + "_ratio"))));
        EXPECT_THAT(text, HasSubstr(percent_text(input.value("least_" + name + "_ratio"))));
    }
    EXPECT_THAT(text, HasSubstr(format_si(input.value("bound_step"), "s")));
    EXPECT_THAT(text, Not(HasSubstr("layout")));
    EXPECT_THAT(text, Not(HasSubstr("> 1")));
    EXPECT_THAT(report_text(run, "", {}), HasSubstr(text));
}

TEST(LimitSection, NamesTheResourceThatLimitsMostOfTheTime) {
    auto run = bounded_run();
    auto const p = static_cast<int64_t>(Phase::dispatch);
    for (int64_t s = 0; s < run.bound.extent(0); ++s)
        for (int64_t l = 0; l < run.bound.extent(1); ++l) {
            run.bound(s, l, p) = 1e-5;
            run.bound_resource(s, l, p) = 0;
        }
    EXPECT_THAT(section(run), ContainsRegex("dispatch .* FLOP/s, rank\n"));
    run.bound(1, 0, p) = 15e-5;
    run.bound_resource(1, 0, p) = 2;
    EXPECT_THAT(section(run), ContainsRegex("dispatch .* port, network \\(75.0 %\\)\n"));
}

TEST(LimitSection, ShowsWhatIsFasterThanItsBoundAndWhatIsFarFromIt) {
    auto run = bounded_run();
    auto const p = static_cast<int64_t>(Phase::expert);
    for (auto* bounds : {&run.bound, &run.least_bound})
        for (int64_t s = 0; s < bounds->extent(0); ++s)
            for (int64_t l = 0; l < bounds->extent(1); ++l)
                (*bounds)(s, l, p) = bounds == &run.bound ? 1 : 1e-9;
    EXPECT_THAT(section(run), ContainsRegex("expert .* % > 1 +< 0.1 %"));
    EXPECT_THAT(section(run), HasSubstr("> 1: faster than the ceilings say"));
}

TEST(LimitSection, ListsTheCeilings) {
    auto run = bounded_run();
    run.ceilings[0].value = 1.5e9;
    run.ceilings[1].value = 2.5e9;
    run.ceilings[2] = {"latency_node", 3e-6, "s", 0, 0, 1, ""};
    run.ceilings[3].value = 4e9;
    EXPECT_THAT(section(run),
                HasSubstr("ceilings     one rank: read bandwidth 1.500 GB/s; whole node: read "
                          "bandwidth 2.500 GB/s;"));
    auto text = section(run);
    std::ranges::replace(text, '\n', ' ');
    EXPECT_THAT(text, ContainsRegex("messages: +latency +node +3.000 us, +bandwidth +node +4.000"));
}

TEST(LimitSection, IsAbsentWithoutACalibration) {
    EXPECT_EQ(section(test::synthetic_run({}, 1)), "");
    EXPECT_EQ(section(RunRecord{}), "");
}

TEST(LimitSection, FitsItsWidth) {
    auto run = bounded_run();
    for (auto& name : run.resource) name += std::string(200, 'r');
    for (auto& row : run.ceilings) row.metric += std::string(200, 'm');
    for (int const width : {80, 100}) {
        std::istringstream lines(section(run, width) + section(bounded_run(), width));
        for (std::string line; std::getline(lines, line);)
            EXPECT_LE(line.size(), static_cast<std::size_t>(width)) << line;
    }
}

TEST(LimitSection, OfAnInterruptedRunHasNoTimes) {
    auto run = bounded_run();
    std::ranges::fill(run.is_warmup, 1);
    EXPECT_THAT(section(run), HasSubstr("ceilings"));
    EXPECT_THAT(section(run), Not(HasSubstr("nan")));
    EXPECT_THAT(section(run), Not(HasSubstr("T_lb")));
}

TEST(ReportJson, HasTheBounds) {
    auto const json = nlohmann::json::parse(report_json(bounded_run(), "").dump());
    int found = 0;
    for (auto const& row : json.at("summary"))
        found += row.at("metric") == "bound_dispatch_ratio" && row.at("value").get<double>() > 0;
    EXPECT_EQ(found, 1);
}

}  // namespace
}  // namespace epsim
