// Real recordings, each read as what it is. The figures that are compared with are those of the
// data's README; esft_data_test.cpp has those of ESFT.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>

#include "trace/formats/formats.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;

class RecordedData : public ::testing::Test {
protected:
    /// The folder of that name, or a skipped test.
    void use(std::string const& name) {
        folder_ = fs::path(EPSIM_DATA_DIR) / "traces" / name;
        if (!fs::exists(folder_)) GTEST_SKIP() << "data not here: no " << folder_;
    }
    std::vector<fs::path> files(std::string const& extension) const {
        std::vector<fs::path> found;
        for (auto const& entry : fs::directory_iterator(folder_))
            if (entry.path().extension() == extension) found.push_back(entry.path());
        std::ranges::sort(found);
        return found;
    }
    /// What a file is seen to be, and holds.
    static Recording read(fs::path const& path, std::string const& format,
                          ImportRequest request = {}) {
        auto const found = recognise({path}, "");
        EXPECT_EQ(found.format->name, format) << path;
        request.files = found.files;
        return found.format->read(request);
    }
    static RoutingCounts counts(fs::path const& path, std::string const& format) {
        return std::get<RoutingCounts>(read(path, format));
    }
    fs::path folder_;
};

double max_over_mean(std::vector<double> const& loads) {
    return std::ranges::max(loads) * static_cast<double>(loads.size()) /
           std::accumulate(loads.begin(), loads.end(), 0.0);
}

/// [E / width] of sums over `width` neighbours, all sources together.
std::vector<double> loads(RoutingCounts const& c, int64_t step, std::size_t layer, int width = 1) {
    std::vector<double> sums(static_cast<std::size_t>(c.num_experts / width));
    for (int source = 0; source < c.sources; ++source) {
        auto const row = c.at(step, source, layer);
        for (std::size_t e = 0; e < row.size(); ++e)
            sums[e / static_cast<std::size_t>(width)] += static_cast<double>(row[e]);
    }
    return sums;
}

struct Summary {
    double least = 1e9, mean = 0, most = 0;
    int64_t n = 0;
    void add(double x) {
        least = std::min(least, x);
        most = std::max(most, x);
        mean += (x - mean) / static_cast<double>(++n);
    }
};

/// Over the layers of a step.
Summary imbalance(RoutingCounts const& c, int64_t step, int width = 1) {
    Summary summary;
    for (std::size_t l = 0; l < c.layer.size(); ++l)
        summary.add(max_over_mean(loads(c, step, l, width)));
    return summary;
}

TEST_F(RecordedData, SmartMoeCountsOfFiftyOneTrainingSteps) {
    ASSERT_NO_FATAL_FAILURE(use("smartmoe_atc23"));
    if (IsSkipped()) return;
    auto const training = counts(folder_ / "gate_counts_iter1_step100_u16.npy", "counts");
    EXPECT_EQ(training.steps, 51);
    EXPECT_EQ(training.sources, 16);
    EXPECT_EQ(training.layer.size(), 24u);
    EXPECT_EQ(training.num_experts, 32);
    for (int64_t s = 0; s < training.steps; ++s)
        for (int source = 0; source < training.sources; ++source)
            for (std::size_t l = 0; l < training.layer.size(); ++l) {
                auto const row = training.at(s, source, l);  // of 4 microbatches
                ASSERT_EQ(std::accumulate(row.begin(), row.end(), int64_t{0}), 4 * 4096);
            }
    EXPECT_NEAR(imbalance(training, 0).mean, 1.5, 0.05);
    EXPECT_NEAR(imbalance(training, 5).mean, 9.1, 0.05);
    EXPECT_NEAR(imbalance(training, 50).mean, 12.6, 0.05);

    auto const all = counts(folder_ / "global_counts_iter1_step10_u32.npy", "counts");
    EXPECT_EQ(all.steps, 501);
    EXPECT_EQ(all.sources, 1);
    EXPECT_NEAR(imbalance(all, 1).mean, 14, 0.5);
    for (int64_t s = 0; s < training.steps; ++s)
        for (std::size_t l = 0; l < all.layer.size(); ++l)
            ASSERT_EQ(loads(training, s, l), loads(all, 10 * s, l)) << "step " << s;
}

TEST_F(RecordedData, SmartMoeLogsEqualTheArray) {
    ASSERT_NO_FATAL_FAILURE(use("smartmoe_atc23"));
    if (IsSkipped()) return;
    auto const array = counts(folder_ / "gate_counts_iter1_step100_u16.npy", "counts");
    auto const logs = counts(folder_ / "sample_raw", "smartmoe");
    ASSERT_EQ(logs.steps, 2);  // iterations 1 and 1001: the array's 0 and 10
    ASSERT_EQ(logs.sources, 16);
    for (int64_t s = 0; s < 2; ++s)
        for (int source = 0; source < 16; ++source)
            for (std::size_t l = 0; l < 24; ++l)
                ASSERT_TRUE(std::ranges::equal(logs.at(s, source, l), array.at(10 * s, source, l)))
                    << s << " " << source << " " << l;
}

TEST_F(RecordedData, SglangCountsOfTenWorkloads) {
    ASSERT_NO_FATAL_FAILURE(use("sglang_dsv3_ep_stats"));
    if (IsSkipped()) return;
    auto const workloads = files(".json");
    ASSERT_EQ(workloads.size(), 10u);
    Summary of_experts, ep8, ep32, ep64;
    double worst = 0;
    for (auto const& file : workloads) {
        auto const c = counts(file, "sglang-counts");
        ASSERT_EQ(c.num_experts, 256);
        ASSERT_EQ(c.layer.size(), 58u);
        EXPECT_EQ(c.layer.front(), 3);  // 0 to 2 are dense
        auto const experts = imbalance(c, 0);
        of_experts.add(experts.mean);
        worst = std::max(worst, experts.most);
        ep8.add(imbalance(c, 0, 256 / 8).mean);
        ep32.add(imbalance(c, 0, 256 / 32).mean);
        ep64.add(imbalance(c, 0, 256 / 64).mean);
        Summary rows;
        for (std::size_t l = 0; l < c.layer.size(); ++l) {
            auto const row = c.at(0, 0, l);
            rows.add(std::accumulate(row.begin(), row.end(), 0.0));
        }
        EXPECT_LE(rows.most / rows.least, 1.0005) << file;
    }
    auto const expect = [](Summary const& seen, double least, double most) {
        EXPECT_NEAR(seen.least, least, 0.05 + 1e-9);
        EXPECT_NEAR(seen.most, most, 0.05 + 1e-9);
    };
    expect(of_experts, 5.6, 7.3);
    EXPECT_NEAR(worst, 13.7, 0.05);
    expect(ep8, 1.5, 2.0);
    expect(ep32, 2.05, 2.9);
    expect(ep64, 2.6, 3.36);
}

TEST_F(RecordedData, MixtralTokensLineByLine) {
    ASSERT_NO_FATAL_FAILURE(use("mixtral_vllm_humaneval_gsm8k"));
    if (IsSkipped()) return;
    auto const lines = files(".jsonl");
    ASSERT_EQ(lines.size(), 2u);
    int64_t tokens = 0;
    Summary skew;
    for (auto const& file : lines) {
        ImportRequest request;
        request.num_experts = 8;
        auto const source = std::get<std::unique_ptr<RoutingSource const>>(
            read(file, "token-lines", std::move(request)));
        auto const& info = source->info();
        EXPECT_EQ(info.top_k, 2);
        ASSERT_EQ(info.layer.size(), 32u);
        tokens += info.tokens();
        int64_t missing = 0;
        for (int l = 0; l < 32; ++l) {
            auto const batch = source->read(StepId{0}, LayerId{l}, {0, info.tokens()});
            std::vector<double> load(8);
            for (auto const e : batch.expert)
                if (e == no_expert)
                    ++missing;
                else
                    ++load[static_cast<std::size_t>(index(e))];
            skew.add(max_over_mean(load));
        }
        EXPECT_GT(missing, 0);
        EXPECT_LT(missing, 2 * 32 * info.tokens() / 100);
    }
    EXPECT_NEAR(static_cast<double>(tokens), 580, 5);
    EXPECT_NEAR(skew.mean, 1.5, 0.05);
    EXPECT_NEAR(skew.least, 1.1, 0.05);
    EXPECT_NEAR(skew.most, 1.9, 0.05);
}

TEST_F(RecordedData, OlmoeAndMixtralCountsByDomain) {
    ASSERT_NO_FATAL_FAILURE(use("olmoe_mixtral_counts"));
    if (IsSkipped()) return;
    std::map<std::string, Summary> by_model;
    for (auto const& file : files(".json")) {
        auto const c = counts(file, "domain-counts");
        bool const olmoe = file.filename() != "mistral.json";
        EXPECT_EQ(c.num_experts, olmoe ? 64 : 8);
        EXPECT_EQ(c.top_k, olmoe ? 8 : 2);
        EXPECT_EQ(c.layer, (std::vector<int32_t>{0, 7, 15}));
        for (int64_t domain = 0; domain < c.steps; ++domain) {
            auto const skew = imbalance(c, domain);
            for (double const x : {skew.least, skew.most}) by_model[olmoe ? "o" : "m"].add(x);
        }
    }
    EXPECT_NEAR(by_model["o"].least, 2.5, 0.05);
    EXPECT_NEAR(by_model["o"].most, 7.8, 0.05);
    EXPECT_NEAR(by_model["m"].least, 1.1, 0.05);
    EXPECT_NEAR(by_model["m"].most, 1.3, 0.05);
}

TEST_F(RecordedData, FiddlerPopularityOfSevenSubjects) {
    ASSERT_NO_FATAL_FAILURE(use("fiddler_mixtral_popularity"));
    if (IsSkipped()) return;
    auto const subjects = files(".json");
    ASSERT_EQ(subjects.size(), 14u);  // of two models
    Summary mean, worst;
    for (auto const& file : subjects) {
        auto const c = counts(file, "expert-popularity");
        ASSERT_EQ(c.num_experts, 8);
        ASSERT_EQ(c.layer.size(), 32u);
        auto const skew = imbalance(c, 0);
        mean.add(skew.mean);
        worst.add(skew.most);
    }
    EXPECT_NEAR(mean.least, 1.2, 0.05);
    EXPECT_NEAR(mean.most, 1.45, 0.05);
    EXPECT_NEAR(worst.most, 2.0, 0.05);
}

/// Mean over layers of the ranks' max/mean, an expert's load split evenly over its slots.
double imbalance_under(SlotMap const& placement, RoutingCounts const& c) {
    Summary skew;
    std::size_t l = 0;
    for (auto const& [layer, slots] : placement.expert) {
        std::vector<double> replicas(256), rank(static_cast<std::size_t>(placement.ranks));
        for (auto const e : slots)
            if (e != no_expert) ++replicas[static_cast<std::size_t>(index(e))];
        auto const row = c.at(0, 0, l++);
        for (std::size_t s = 0; s < slots.size(); ++s) {
            if (slots[s] == no_expert) continue;
            auto const e = static_cast<std::size_t>(index(slots[s]));
            rank[s * rank.size() / slots.size()] += static_cast<double>(row[e]) / replicas[e];
        }
        skew.add(max_over_mean(rank));
    }
    return skew.mean;
}

TEST_F(RecordedData, OmniPlacementsBalanceTheSglangCounts) {
    ASSERT_NO_FATAL_FAILURE(use("omni_placement"));
    if (IsSkipped()) return;
    auto const of_16 =
        std::get<SlotMap>(read(folder_ / "dsv3_prefill_16ranks_58x256_i32.npy", "omni-placement"));
    auto const of_32 = std::get<SlotMap>(
        read(folder_ / "dsv3_decode_gsm8k_32dies_58x256_i32.npy", "omni-placement"));
    EXPECT_EQ(of_16.ranks, 16);
    EXPECT_EQ(of_32.ranks, 32);
    ASSERT_EQ(of_16.expert.size(), 58u);
    for (auto const& [layer, slots] : of_16.expert) {
        EXPECT_EQ(slots.size(), 16u * 16);
        EXPECT_EQ(std::ranges::count(slots, no_expert), 0);
    }
    for (auto const& [layer, slots] : of_32.expert) {
        std::map<ExpertId, int> replicas;
        EXPECT_EQ(slots.size(), 32u * 9);  // 8 or 9 of each rank hold an expert
        for (std::size_t r = 0; r < 32; ++r)
            EXPECT_LE(std::ranges::count(std::span(slots).subspan(r * 9, 9), no_expert), 1);
        for (auto const e : slots)
            if (e != no_expert) {
                EXPECT_LE(++replicas[e], 2);
            }
    }
    use("sglang_dsv3_ep_stats");
    if (IsSkipped()) return;
    Summary placed, contiguous;
    for (auto const& file : files(".json")) {
        auto const c = counts(file, "sglang-counts");
        placed.add(imbalance_under(of_16, c));
        contiguous.add(imbalance(c, 0, 16).mean);
        if (file.filename() != "decode_in1000out1000.json") continue;
        EXPECT_NEAR(imbalance_under(of_16, c), 1.38, 0.005);
        EXPECT_NEAR(imbalance(c, 0, 16).mean, 2.44, 0.005);
    }
    EXPECT_NEAR(placed.least, 1.38, 0.005);
    EXPECT_NEAR(placed.most, 1.50, 0.005);
    EXPECT_NEAR(contiguous.least, 1.73, 0.005);
    EXPECT_NEAR(contiguous.most, 2.44, 0.005);
}

}  // namespace
}  // namespace epsim
