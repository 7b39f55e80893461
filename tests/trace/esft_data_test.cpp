// Real routing: DeepSeek-V2-Lite's architecture, recorded by ESFT. The figures that are compared
// with are those of the data's README.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "trace/esft_source.hpp"
#include "trace/npy_source.hpp"
#include "trace/restepped.hpp"
#include "trace/statistics.hpp"

namespace epsim {
namespace {

class EsftData : public ::testing::Test {
protected:
    void SetUp() override {
        if (!std::filesystem::exists(directory_))
            GTEST_SKIP() << "the recorded traces are not here: no " << directory_;
    }
    std::unique_ptr<RoutingSource const> open(std::string const& task) const {
        NpyImport files;
        files.ids = directory_ / (task + "_ids_u8.npy");
        files.weights = directory_ / (task + "_gate_w_e4_u16.npy");
        files.weight_scale = 1e-4;
        files.seqlen = directory_ / (task + "_seqlen_i32.npy");
        files.num_experts = 64;
        files.first_layer = 1;
        return std::make_unique<NpySource>(files, ImportText{});
    }
    std::filesystem::path directory_ =
        std::filesystem::path(EPSIM_DATA_DIR) / "traces" / "esft_dsv2lite";
};

double max_over_mean(std::span<int64_t const> loads) {
    auto const sum = std::accumulate(loads.begin(), loads.end(), 0.0);
    return static_cast<double>(std::ranges::max(loads)) * static_cast<double>(loads.size()) / sum;
}

struct Summary {
    double least, mean, most;
};
Summary summary(std::vector<double> const& x) {
    return {std::ranges::min(x),
            std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size()),
            std::ranges::max(x)};
}

TEST_F(EsftData, TextEqualsTheArrays) {
    auto const arrays = open("translation");
    EsftSource const text({directory_ / "raw_translation"}, 64, 6, {});
    ASSERT_EQ(text.info().layer, (std::vector<int32_t>{1, 2, 13, 26}));
    EXPECT_EQ(text.info().sequence_offset, arrays->info().sequence_offset);
    EXPECT_EQ(text.info().step_offset, arrays->info().step_offset);
    TokenRange const all{0, arrays->info().tokens()};
    EXPECT_EQ(all.end, 8251);
    for (int l = 0; l < 4; ++l) {
        LayerId const same{text.info().layer[static_cast<std::size_t>(l)] - 1};
        EXPECT_TRUE(text.read(StepId{0}, LayerId{l}, all) == arrays->read(StepId{0}, same, all))
            << "layer " << l;
    }
}

TEST_F(EsftData, SkewAndReuseAreThePublishedOnes) {
    struct Case {
        std::string task;
        int64_t tokens, sequences;
        Summary skew;
    };
    for (auto const& [task, tokens, sequences, skew] :
         {Case{"intent", 8222, 127, {2.9, 3.8, 4.7}}, {"translation", 8251, 40, {4.1, 5.6, 7.7}}}) {
        auto const source = open(task);
        EXPECT_EQ(source->info().tokens(), tokens);
        EXPECT_EQ(source->info().sequence_offset.size(), static_cast<std::size_t>(sequences) + 1);
        auto const layers = count_trace(*source);
        ASSERT_EQ(layers.size(), 26u);
        std::vector<double> skews, reuses;
        for (auto const& layer : layers) {
            EXPECT_EQ(
                std::accumulate(layer.expert_tokens.begin(), layer.expert_tokens.end(), int64_t{0}),
                tokens * 6);
            EXPECT_EQ(layer.followed, (tokens - sequences) * 6);
            skews.push_back(max_over_mean(layer.expert_tokens));
            reuses.push_back(layer.reuse());
        }
        auto const got = summary(skews);
        EXPECT_NEAR(got.least, skew.least, 0.05);
        EXPECT_NEAR(got.mean, skew.mean, 0.05);
        EXPECT_NEAR(got.most, skew.most, 0.05);
        EXPECT_GT(summary(reuses).mean, 0.255);
        EXPECT_LT(summary(reuses).mean, 0.295);
    }
}

TEST_F(EsftData, ContiguousRankImbalance) {
    for (std::string const task : {"intent", "translation"}) {
        Restepped const source(open(task), 1024, 0);
        std::vector<double> sum(26);
        auto const loads = [](std::span<int64_t const> experts) {
            std::vector<int64_t> rank(8);
            for (std::size_t e = 0; e < experts.size(); ++e) rank[e * 8 / 64] += experts[e];
            return rank;
        };
        for (std::size_t l = 0; l < 26; ++l)
            count_layer(source, static_cast<LayerId>(l),
                        [&](StepId, std::span<int64_t const> experts) {
                            sum[l] += max_over_mean(loads(experts));
                        });
        for (auto& s : sum) s /= static_cast<double>(source.info().steps());
        EXPECT_GT(summary(sum).mean, 1.435);
        EXPECT_LT(summary(sum).mean, 1.705);
    }
}

}  // namespace
}  // namespace epsim
