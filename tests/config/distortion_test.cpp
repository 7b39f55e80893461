#include "config/distortion.hpp"

#include "config/support.hpp"

namespace epsim {
namespace {

std::string distortion_by(std::vector<Override> const& overrides, std::string const& text = "") {
    return resolve_text(routed + "[model]\npreset = \"mixtral-8x7b\"\n" + text, overrides)
        .config.distortion;
}

TEST(Distortion, NamesWhatDiffersFromThePreset) {
    EXPECT_EQ(distortion_by({{"model.num_experts", "16"}, {"model.top_k", "1"}}),
              "num_experts 16 instead of 8 (x 2), top_k 1 instead of 2 (x 0.5)");
    EXPECT_EQ(distortion_by({}, "expert_intermediate = 7168\n"),
              "expert_intermediate 7168 instead of 14336 (x 0.5)");
    EXPECT_EQ(distortion_by({{"model.shared_experts", "1"}, {"model.shared_intermediate", "64"}}),
              "shared_experts 1 instead of 0, shared_intermediate 64 instead of 0");
    EXPECT_EQ(distortion_by({{"model.activation", "gelu"}}), "activation gelu instead of swiglu");
}

TEST(Distortion, ScaledHiddenAndChosenLayersAreNone) {
    EXPECT_EQ(distortion_by({}), "");
    EXPECT_EQ(distortion_by({{"model.scale", "1/8"}, {"model.layers", "2"}}), "");
    EXPECT_EQ(distortion_by({{"model.hidden", "1024"}, {"model.top_k", "2"}}), "");
    EXPECT_EQ(resolve_text(routed + "[model]\nnum_experts = 16\n").config.distortion, "");
}

}  // namespace
}  // namespace epsim
