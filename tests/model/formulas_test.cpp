#include "model/formulas.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/error.hpp"

namespace epsim {
namespace {

ModelShape deepseek_v3() {
    ModelShape s;
    s.name = "DeepSeek-V3";
    s.hidden = 7168;
    s.layers = 61;
    s.moe_layers = 58;
    s.num_experts = 256;
    s.top_k = 8;
    s.expert_intermediate = 2048;
    s.shared_experts = 1;
    s.shared_intermediate = 2048;
    s.weight_format = "fp8_block";
    s.gate.score_bias = true;
    return s;
}

ModelShape mixtral() {
    ModelShape s;
    s.hidden = 4096;
    s.layers = s.moe_layers = 32;
    s.num_experts = 8;
    s.top_k = 2;
    s.expert_intermediate = 14336;
    return s;
}

TEST(Formulas, DeepSeekV3ExpertIsThePublishedSize) {
    auto const s = deepseek_v3();
    EXPECT_EQ(expert_params(s), 44'040'192);
    EXPECT_EQ(expert_bytes(s, DType::bf16), 88'080'384);
    EXPECT_EQ(expert_bytes(s, DType::f32), 176'160'768);
    // 44 MB in FP8, and one float for each of 3 x 56 x 16 blocks.
    EXPECT_EQ(published_expert_bytes(s), 44'040'192 + 3 * 56 * 16 * 4);
    // A row of 7168 values in bf16 to each of 8 experts.
    EXPECT_EQ(row_bytes(s, DType::bf16), 14'336);
    EXPECT_EQ(token_wire_bytes(s, DType::bf16), 114'688);
    EXPECT_EQ(router_params(s), 7168 * 256 + 256);
    EXPECT_EQ(total_expert_params(s), 653'908'770'816);
    EXPECT_EQ(pair_flops(s), 6LL * 7168 * 2048);
    EXPECT_EQ(token_flops(s), 9 * 6LL * 7168 * 2048);
}

TEST(Formulas, MixtralExpertIsThePublishedSize) {
    auto const s = mixtral();
    EXPECT_EQ(expert_params(s), 176'160'768);
    EXPECT_EQ(total_expert_params(s), 45'097'156'608);
    EXPECT_EQ(token_flops(s), 2 * 6LL * 4096 * 14336);
    EXPECT_EQ(replicated_params(s), 0);
    EXPECT_EQ(active_layer_params(s), 32LL * (2 * 176'160'768 + 4096 * 8));
    EXPECT_EQ(published_expert_bytes(s), expert_bytes(s, DType::bf16));
}

TEST(Formulas, PlainExpertsHaveTwoMatrices) {
    ModelShape s = mixtral();
    for (auto a : {Activation::relu, Activation::gelu}) {
        s.activation = a;
        EXPECT_EQ(matrices(a), 2);
        EXPECT_EQ(expert_params(s), 2LL * 4096 * 14336);
        EXPECT_EQ(pair_flops(s), 4LL * 4096 * 14336);
    }
    for (auto a : {Activation::geglu, Activation::swiglu, Activation::swiglu_clamped})
        EXPECT_EQ(matrices(a), 3);
}

TEST(Formulas, Mxfp4TakesFourBitsAndAScaleForEach32OfARow) {
    ModelShape s = mixtral();
    s.weight_format = "mxfp4";
    s.hidden = s.expert_intermediate = 2880;  // gpt-oss: 4.25 bits an element, 2880 = 90 x 32
    EXPECT_EQ(published_expert_bytes(s), 3LL * 2880 * 2880 * 17 / 32);
    s.hidden = 33;  // a short block is stored whole
    s.expert_intermediate = 1;
    EXPECT_EQ(published_expert_bytes(s), 17 * (2 * 2 + 33));
}

TEST(Formulas, SharedGateAndDenseResidualAreReplicated) {
    ModelShape s = mixtral();
    s.shared_experts = 2;
    s.shared_intermediate = 10;
    s.shared_gated = true;
    s.dense_residual_intermediate = 7;
    EXPECT_EQ(replicated_params(s), 2 * (3 * 4096 * 10 + 4096) + 3 * 4096 * 7);
    EXPECT_EQ(token_flops(s), 6LL * 4096 * (2 * 14336 + 2 * 10 + 7));
}

TEST(Formulas, DispatchWidthIsTheRowOnTheWire) {
    ModelShape s = mixtral();
    EXPECT_EQ(row_width(s), 4096);
    s.dispatch_hidden = 1024;
    EXPECT_EQ(row_width(s), 1024);
    EXPECT_EQ(row_bytes(s, DType::f32), 4096);
}

TEST(Formulas, FullestRankAgreesWithCountingTheLinearPlacement) {
    for (int experts : {1, 2, 7, 8, 60, 64, 127}) {
        for (int ranks : {1, 2, 3, 4, 5, 8, 31, 64, 200}) {
            std::vector<int> held(static_cast<std::size_t>(ranks));
            for (int e = 0; e < experts; ++e) ++held[static_cast<std::size_t>(e * ranks / experts)];
            ModelShape s = mixtral();
            s.num_experts = experts;
            s.top_k = 1;
            s.shared_experts = 1;
            s.shared_intermediate = 3;
            auto const memory = rank_memory(s, ranks, DType::bf16);
            EXPECT_EQ(memory.experts, *std::ranges::max_element(held)) << experts << " " << ranks;
            EXPECT_EQ(memory.layer_bytes, 2 * (memory.experts * expert_params(s) + 3 * 4096 * 3));
            EXPECT_EQ(memory.model_bytes, 32 * memory.layer_bytes);
        }
    }
    EXPECT_THROW(rank_memory(mixtral(), 0, DType::bf16), InputError);
}

TEST(Formulas, RefusesSizesBeyond63Bits) {
    ModelShape s = mixtral();
    s.hidden = s.expert_intermediate = 1 << 20;
    s.num_experts = 1 << 16;
    s.moe_layers = 1 << 12;
    EXPECT_THROW(total_expert_params(s), InputError);
}

}  // namespace
}  // namespace epsim
