#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "config/binder.hpp"
#include "config/support.hpp"
#include "model/formulas.hpp"
#include "model/published.hpp"

namespace epsim {
namespace {

PresetFolder folder() {
    return PresetFolder(config_dir() / "models");
}

ModelShape shape_of(std::string_view name) {
    return preset_shape(source_preset(name));
}

TEST(Catalogue, EveryPresetLoadsAndIsNamedLikeItsFile) {
    auto const names = folder().names();
    EXPECT_EQ(names.size(), 31u);
    std::set<std::string> shown;
    for (auto const& name : names) {
        auto const shape = shape_of(name);
        std::string lower = shape.name;
        for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        EXPECT_EQ(lower, name);
        EXPECT_TRUE(shown.insert(shape.name).second) << name;
        EXPECT_FALSE(shape.source.empty()) << name;
        EXPECT_TRUE(shape.total_params_billion) << name;
    }
}

// Routed experts are nearly all of such a model: what is left is attention, embeddings and dense
// layers. Three names round down what the experts alone weigh: Switch-Base-128 (7.25B as "7B"),
// GShard-600B (618B) and Kimi-K2 (1.015T as 1T).
TEST(Catalogue, ExpertsAddUpToThePublishedTotals) {
    for (auto const& name : folder().names()) {
        auto const check = check_published(shape_of(name));
        ASSERT_TRUE(check.total_share) << name;
        EXPECT_GE(*check.total_share, 0.80) << name;
        bool const rounded_down =
            name == "switch-base-128" || name == "gshard-600b" || name == "kimi-k2";
        EXPECT_LE(*check.total_share, rounded_down ? 1.05 : 1.0) << name;
        EXPECT_TRUE(consistent(check)) << name;
    }
}

TEST(Catalogue, ActiveExpertsFitInThePublishedActiveSizes) {
    int checked = 0;
    for (auto const& name : folder().names()) {
        auto const share = check_published(shape_of(name)).active_share;
        if (!share) continue;
        EXPECT_LT(*share, 1) << name;
        EXPECT_GT(*share, 0.25) << name;
        ++checked;
    }
    EXPECT_EQ(checked, 25);
}

TEST(Catalogue, DeepSeekV3) {
    auto const s = shape_of("deepseek-v3");
    EXPECT_EQ(s.name, "DeepSeek-V3");
    EXPECT_EQ(s.hidden, 7168);
    EXPECT_EQ(s.layers, 61);
    EXPECT_EQ(s.moe_layers, 58);
    EXPECT_EQ(s.num_experts, 256);
    EXPECT_EQ(s.top_k, 8);
    EXPECT_EQ(s.shared_experts, 1);
    EXPECT_EQ(s.shared_intermediate, 2048);
    EXPECT_EQ(s.gate.scoring, Scoring::sigmoid);
    EXPECT_TRUE(s.gate.score_bias);
    EXPECT_EQ(s.gate.n_group, 8);
    EXPECT_EQ(s.gate.topk_group, 4);
    EXPECT_EQ(s.gate.group_score, GroupScore::top2_sum);
    EXPECT_EQ(s.gate.renormalise, Renormalise::sum);
    EXPECT_EQ(s.gate.route_scale, 2.5);
    EXPECT_FALSE(s.gate.capacity_factor_train);
    EXPECT_EQ(s.weight_format, "fp8_block");
    EXPECT_EQ(expert_params(s), 44'040'192);
}

TEST(Catalogue, OneOfEachKind) {
    EXPECT_EQ(expert_params(shape_of("mixtral-8x7b")), 176'160'768);
    EXPECT_EQ(shape_of("llama-4-scout").weight_at, WeightAt::input);
    EXPECT_EQ(shape_of("llama-4-maverick").moe_layers, 24);
    EXPECT_EQ(shape_of("llama-4-maverick").layers, 48);
    EXPECT_EQ(shape_of("gpt-oss-20b").activation, Activation::swiglu_clamped);
    EXPECT_EQ(shape_of("gpt-oss-20b").gate.scoring, Scoring::topk_then_softmax);
    EXPECT_EQ(shape_of("grok-1").activation, Activation::geglu);
    EXPECT_EQ(shape_of("glam-64b-64e").activation, Activation::gelu);
    EXPECT_EQ(shape_of("switch-c-2048").gate.capacity_factor_train, 1.0);
    EXPECT_EQ(shape_of("switch-xxl-128").gate.capacity_factor_eval, 4.0);
    EXPECT_EQ(shape_of("phi-3.5-moe").gate.scoring, Scoring::sparsemixer);
    EXPECT_EQ(shape_of("dbrx").gate.renormalise, Renormalise::l1);
    EXPECT_EQ(shape_of("deepseek-v2").gate.route_scale, 16);
    EXPECT_EQ(shape_of("deepseek-v2").gate.group_score, GroupScore::max);
    EXPECT_EQ(shape_of("kimi-k2").gate.route_scale, 2.827);
    EXPECT_TRUE(shape_of("qwen3-next-80b-a3b").shared_gated);
    EXPECT_EQ(shape_of("hunyuan-large").shared_intermediate, 18304);
    // vLLM, vllm/model_executor/models/arctic.py: the residual MLP is as wide as hidden.
    EXPECT_EQ(shape_of("arctic").dense_residual_intermediate, 7168);
}

TEST(Catalogue, IsFoundThroughTheEnvironmentOrBesideTheProgram) {
    ::unsetenv("EPSIM_CONFIG_DIR");
    EXPECT_EQ(preset_shape(read_model_preset("dbrx")).name, "DBRX");
    ::setenv("EPSIM_CONFIG_DIR", "/nowhere", 1);
    EXPECT_THROW(read_model_preset("dbrx"), InputError);
    ::unsetenv("EPSIM_CONFIG_DIR");
}

TEST(Catalogue, ConfigurationsResolve) {
    int checked = 0;
    for (auto const& entry : std::filesystem::directory_iterator(config_dir())) {
        if (entry.path().extension() != ".toml") continue;
        auto const path = entry.path();
        EXPECT_NO_THROW(
            resolve({ConfigFile{path.string(), read_text_file(path)}, {}}, source_preset))
            << path;
        ++checked;
    }
    EXPECT_GE(checked, 2);
}

}  // namespace
}  // namespace epsim
