#include "report/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "core/error.hpp"
#include "core/text.hpp"
#include "measure/summary.hpp"
#include "report/busiest.hpp"
#include "report/config_keys.hpp"
#include "report/sections.hpp"
#include "support/synthetic_run.hpp"

namespace epsim {
namespace {

using test::synthetic_run;
using test::SyntheticShape;
using ::testing::HasSubstr;
using ::testing::Not;

std::string text_of(RunRecord const& run) {
    return report_text(run, "runs/a.h5", {});
}

void expect_fits(RunRecord const& run) {
    for (int const width : {80, 100})
        for (auto const charset : {Charset::ascii, Charset::utf8}) {
            std::istringstream lines(report_text(run, "runs/a.h5", {width, charset}));
            for (std::string line; std::getline(lines, line);) {
                EXPECT_LE(columns_of(line), static_cast<std::size_t>(width)) << line;
                if (charset == Charset::ascii) {
                    EXPECT_TRUE(std::ranges::all_of(line, [](char c) {
                        return c >= ' ' && c < '\x7f';
                    })) << line;
                }
            }
        }
}

TEST(Report, FitsItsWidth) {
    for (auto const& shape : {SyntheticShape{}, SyntheticShape{1, 1, 1, 1, 1, 0, 1},
                              SyntheticShape{2, 60, 9, 300, 2, 1, 2}})
        expect_fits(synthetic_run(shape, 1));
}

TEST(Report, FitsItsWidthWithLongNamesAndWideNumbers) {
    auto run = synthetic_run({2, 2, 12, 8, 2, 1, 1}, 1);
    std::string const endless(300, 'n');
    for (auto& place : run.topology) place.hostname = place.device = endless + "\x1b[0m\n";
    run.config = "[model]\npreset = \"" + endless + "\"\n";
    run.kind = run.status = run.date = run.git_sha = endless;
    run.tags = {endless, "warm-weights"};
    run.provenance["trace"] = {{endless, endless}};
    for (auto& n : run.expert_tokens.flat()) n = int64_t{1} << 50;
    for (auto& n : run.rank_tokens.flat()) n = int64_t{1} << 50;
    for (auto& n : run.payload.flat()) n = int64_t{1} << 50;
    for (auto& layer : run.layer) layer += 2'000'000'000;
    run.checked = run.identities = run.wrong = INT64_MAX;
    expect_fits(run);
}

TEST(Report, SaysWhatRanAndWhatItsFiguresAreWorth) {
    auto run = synthetic_run({}, 1);
    EXPECT_THAT(text_of(run), HasSubstr("Measured run of synthetic, 4 ranks on 1 node"));
    EXPECT_THAT(text_of(run), HasSubstr("git 0123456789ab\n"));
    EXPECT_THAT(text_of(run), HasSubstr("runs/a.h5"));
    EXPECT_THAT(text_of(run), HasSubstr("300 rows and 20 outputs compared, 0 wrong"));
    run.kind = "oversubscribed";
    run.status = "interrupted";
    run.git_dirty = true;
    run.tags = {"warm-weights", "home-made"};
    run.wrong = 3;
    auto const text = text_of(run);
    EXPECT_THAT(text, HasSubstr("Oversubscribed, interrupted run"));
    EXPECT_THAT(text, HasSubstr("uncommitted changes"));
    EXPECT_THAT(text, HasSubstr("home-made"));
    EXPECT_THAT(text, HasSubstr("FAILED"));
    run.checked = run.identities = run.wrong = 0;
    EXPECT_THAT(text_of(run), HasSubstr("nothing vouches"));
    run.identities = 300;  // surveyed, but nothing would have come of a difference
    EXPECT_THAT(text_of(run), HasSubstr("passed"));
    run.config += "[measure]\nverify = \"off\"\n";
    EXPECT_THAT(text_of(run), HasSubstr("nothing vouches"));
}

TEST(Report, CountsRanksAndCoresOnOneHost) {
    auto run = synthetic_run({}, 1);
    run.kind = "oversubscribed";
    EXPECT_THAT(text_of(run), HasSubstr("4 ranks share cores or devices: times are not those"));
    run.provenance["machine"]["physical_cores"] = "2";
    EXPECT_THAT(text_of(run), HasSubstr("4 ranks on 2 cores: times are not those"));
    run.provenance["compute"]["threads"] = "3";
    EXPECT_THAT(text_of(run), HasSubstr("4 ranks of 3 threads on 2 cores"));
    run.topology[1].hostname = "other";
    EXPECT_THAT(text_of(run), HasSubstr("4 ranks share cores or devices"));
}

TEST(Report, ScaleStandsBesideTheHiddenSize) {
    auto run = synthetic_run({}, 1);
    run.config += "scale = 0.125\n";
    EXPECT_THAT(text_of(run), HasSubstr("hidden 64 x 0.125,"));
}

TEST(Report, NamesTheTraceOrTheGenerator) {
    auto run = synthetic_run({}, 1);
    run.provenance["trace"] = {{"origin", "recorded"}, {"sha256", std::string(64, 'a')}};
    run.config += "[routing]\ntrace = \"t.h5\"\ngenerator = \"none\"\n";
    EXPECT_THAT(text_of(run),
                HasSubstr("t.h5, recorded, sha256 aaaaaaaaaaaa; recorded routing, the "
                          "gate did not run"));
    run.config = "[routing]\ntrace = \"none\"\ngenerator = \"zipf\"\n";
    run.provenance["trace"] = {{"origin", "synthetic"}};
    EXPECT_THAT(text_of(run), HasSubstr("zipf, synthetic\n"));
}

TEST(Report, PrintsTheSummarysFigures) {
    auto const run = synthetic_run({}, 1);
    auto const rows = summarise(run);
    auto const text = text_of(run);
    for (auto const* metric : {"step_time", "phase_dispatch_p50", "critical_phase_expert",
                               "phase_combine_fastest_p50", "critical_other"})
        EXPECT_THAT(text, HasSubstr(format_si(summary_value(rows, metric), "s"))) << metric;
    EXPECT_THAT(text, HasSubstr(format_si(summary_value(rows, "throughput"), "token/s")));
    EXPECT_THAT(text, HasSubstr(format_si(summary_value(rows, "dispatch_busbw"), "B/s")));
    EXPECT_THAT(text, HasSubstr(format_bytes(summary_value(rows, "combine_selected"))));
    EXPECT_THAT(text, HasSubstr(ratio_text(summary_value(rows, "rank_gini"))));
}

TEST(Report, SaysHowSureItsTimesAre) {
    auto run = synthetic_run({3, 2, 4, 8, 20, 1, 2}, 1);
    run.summary = summarise(run);
    for (auto& row : run.summary) {
        if (row.metric == "throughput") row = {row.metric, 5240, "token/s", 5110, 5300, 60, ""};
        if (row.metric == "step_time") row = {row.metric, 1e-3, "s", 9.9e-4, 1.01e-3, 60, ""};
        if (row.metric == "n_eff") row.value = 12.5;
    }
    EXPECT_THAT(text_of(run), HasSubstr("5.240 ktoken/s (5.110 to 5.300 ktoken/s, 95 %)\n"));
    EXPECT_THAT(text_of(run), HasSubstr("1.000 ms (990.0 us to 1.010 ms, 95 %)"));
    EXPECT_THAT(text_of(run), HasSubstr("12.5 independent passes of 20 (autocorrelation time 1"));
    EXPECT_THAT(text_of(run), Not(HasSubstr("intervals need")));
    auto const few = text_of(synthetic_run({}, 1));
    EXPECT_THAT(few, HasSubstr("5.0 independent passes of 5"));
    EXPECT_THAT(few, HasSubstr("intervals need 6"));
    EXPECT_THAT(few, Not(HasSubstr("95 %)")));
}

TEST(Report, SaysWhyTheMeasurementEnded) {
    auto run = synthetic_run({}, 1);
    EXPECT_THAT(text_of(run), Not(HasSubstr("stopped")));
    run.provenance["measure"] = {{"stopped", "measure.min_passes = 5 done"}, {"late_starts", "0"}};
    EXPECT_THAT(text_of(run), HasSubstr("stopped      measure.min_passes = 5 done\n"));
    run.provenance["measure"]["late_starts"] = "3";
    EXPECT_THAT(text_of(run), HasSubstr("done; iterations that some rank began late: 3\n"));
}

TEST(Report, TellsWaitingFromTransfer) {
    auto run = synthetic_run({}, 1);
    EXPECT_THAT(text_of(run), HasSubstr("exchange with its waiting"));
    run.time_wait = Array<double, 4>(run.time_start.shape(), 1.234e-6);
    auto const text = text_of(run);
    EXPECT_THAT(text, Not(HasSubstr("exchange with its waiting")));
    EXPECT_THAT(text, HasSubstr("  2.468 us"));  // a collective phase's, of two layers
    EXPECT_THAT(text, HasSubstr("  7.404 us"));  // all three of them
}

TEST(Report, PrefersTheStoredSummary) {
    auto run = synthetic_run({}, 1);
    run.summary = summarise(run);
    for (auto& row : run.summary)
        if (row.metric == "throughput") row.value = 123456;
    EXPECT_THAT(text_of(run), HasSubstr("123.5 ktoken/s"));
}

TEST(Report, OfAnInterruptedRunHasNoTimes) {
    auto run = synthetic_run({}, 1);
    std::ranges::fill(run.is_warmup, 1);
    EXPECT_THAT(text_of(run), HasSubstr("no measured iteration"));
    EXPECT_THAT(text_of(run), Not(HasSubstr("nan")));
    run.time_start = run.time_end = {};
    EXPECT_THAT(text_of(run), Not(HasSubstr("phases of a step")));
    expect_fits(run);
    expect_fits(RunRecord{});
    EXPECT_THAT(text_of(RunRecord{}), Not(HasSubstr("nan")));
}

TEST(Report, RefusesADamagedRecord) {
    auto run = synthetic_run({}, 1);
    run.step_of.push_back(99);
    EXPECT_THROW(text_of(run), InputError);
    EXPECT_THROW(report_json(run, ""), InputError);
}

TEST(ReportJson, HasTheSummarysRowsAndNullForNan) {
    auto const run = synthetic_run({}, 1);
    auto const rows = summarise(run);
    auto const json = nlohmann::json::parse(report_json(run, "runs/a.h5").dump());
    ASSERT_EQ(json.at("summary").size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        auto const& row = json["summary"][i];
        EXPECT_EQ(row.at("metric"), rows[i].metric);
        EXPECT_EQ(row.at("n"), rows[i].n);
        EXPECT_TRUE(row.at("ci_low").is_null());
        if (std::isnan(rows[i].value))
            EXPECT_TRUE(row.at("value").is_null());
        else
            EXPECT_EQ(row.at("value").get<double>(), rows[i].value);
    }
    EXPECT_EQ(json.at("file"), "runs/a.h5");
    EXPECT_EQ(json.at("config").at("model.hidden"), "64");
    EXPECT_EQ(json.at("topology").size(), 4U);
    EXPECT_EQ(json.at("validation").at("identities"), 300);
    EXPECT_EQ(json.at("busiest_ranks").size(), 4U);
}

TEST(ReportJson, OfAnEmptyRecordIsValid) {
    EXPECT_NO_THROW(nlohmann::json::parse(report_json({}, "").dump()));
}

TEST(Busiest, OrdersExpertsByTheirLayersMean) {
    auto run = synthetic_run({1, 2, 2, 4, 1, 0, 2}, 1);
    int64_t const loads[2][4] = {{10, 30, 0, 0}, {200, 100, 100, 0}};
    for (int l = 0; l < 2; ++l)
        for (int e = 0; e < 4; ++e) run.expert_tokens(0, l, e) = loads[l][e];
    auto const experts = busiest_experts(run, 3);
    ASSERT_EQ(experts.size(), 3U);
    EXPECT_EQ(experts[0].layer, run.layer[0]);
    EXPECT_EQ(experts[0].expert, 1);
    EXPECT_EQ(experts[0].tokens, 30);
    EXPECT_DOUBLE_EQ(experts[0].share, 0.75);
    EXPECT_DOUBLE_EQ(experts[0].over_mean, 3);
    EXPECT_EQ(experts[0].rank, std::vector<int32_t>{0});
    EXPECT_EQ(experts[1].layer, run.layer[1]);
    EXPECT_DOUBLE_EQ(experts[1].over_mean, 2);
    EXPECT_EQ(busiest_experts(run, 99).size(), 5U);  // the idle ones are left out
}

TEST(Busiest, GivesRanksTheirOwnTimes) {
    auto run = synthetic_run({1, 1, 3, 3, 1, 0, 3}, 1);
    run.rank_tokens(0, 0, 0) = 1, run.rank_tokens(0, 0, 1) = 6, run.rank_tokens(0, 0, 2) = 2;
    auto const ranks = busiest_ranks(run, 2);
    ASSERT_EQ(ranks.size(), 2U);
    EXPECT_EQ(ranks[0].rank, 1);
    EXPECT_DOUBLE_EQ(ranks[0].over_mean, 2);
    EXPECT_EQ(ranks[1].rank, 2);
    auto const own = [&](Phase phase, int64_t rank) {
        auto const p = static_cast<int64_t>(phase);
        return run.time_end(0, 0, p, rank) - run.time_start(0, 0, p, rank);
    };
    EXPECT_DOUBLE_EQ(ranks[0].expert_s, own(Phase::expert, 1));
    EXPECT_DOUBLE_EQ(ranks[1].exchange_s,
                     own(Phase::counts, 2) + own(Phase::dispatch, 2) + own(Phase::combine, 2));
}

TEST(ConfigKeys, AreDottedAndTolerant) {
    auto const keys = config_keys(
        "a = 1\n[model]\nname = \"x y\"\nscale = 0.5\nlist = [1, 2]\n[b.c]\nd = true\n");
    EXPECT_EQ(keys.at("a"), "1");
    EXPECT_EQ(keys.at("model.name"), "x y");
    EXPECT_EQ(keys.at("model.scale"), "0.5");
    EXPECT_EQ(keys.at("b.c.d"), "true");
    EXPECT_TRUE(keys.contains("model.list"));
    EXPECT_TRUE(config_keys("[model\n").empty());
    EXPECT_TRUE(config_keys("").empty());
}

}  // namespace
}  // namespace epsim
