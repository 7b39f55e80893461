#include "model/published.hpp"

#include <gtest/gtest.h>

namespace epsim {
namespace {

ModelShape mixtral() {
    ModelShape s;
    s.hidden = 4096;
    s.layers = s.moe_layers = 32;
    s.num_experts = 8;
    s.expert_intermediate = 14336;
    s.total_params_billion = 46.7;
    s.active_params_billion = 12.9;
    return s;
}

TEST(Published, SharesOfTheTotals) {
    auto const check = check_published(mixtral());
    EXPECT_NEAR(*check.total_share, 45.097 / 46.7, 1e-4);
    EXPECT_NEAR(*check.active_share, (2 * 32 * 0.176160768 + 32 * 4096 * 8 / 1e9) / 12.9, 1e-9);
    EXPECT_TRUE(consistent(check));
}

TEST(Published, AWrongColumnShows) {
    auto s = mixtral();
    s.moe_layers = 16;
    EXPECT_FALSE(consistent(check_published(s)));
    s = mixtral();
    s.expert_intermediate *= 2;
    EXPECT_FALSE(consistent(check_published(s)));
    s = mixtral();
    s.top_k = 4;
    EXPECT_FALSE(consistent(check_published(s)));
}

TEST(Published, NothingToCompareWithIsConsistent) {
    auto s = mixtral();
    s.total_params_billion.reset();
    s.active_params_billion.reset();
    auto const check = check_published(s);
    EXPECT_FALSE(check.total_share || check.active_share);
    EXPECT_TRUE(consistent(check));
}

}  // namespace
}  // namespace epsim
