#include "compute/activation_lane.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace epsim::gpu {
namespace {

/// The work of GPU threads, called in a loop, against the definition; bit for bit.
TEST(ActivationLane, ActivatesEveryColumnOnce) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0, 4);
    for (Activation const activation : {Activation::relu, Activation::gelu, Activation::geglu,
                                        Activation::swiglu, Activation::swiglu_clamped})
        for (int64_t const inner : {1, 7, 8, 31, 64, 1408})
            dispatch_activation(activation, [&](auto a) {
                auto const n = static_cast<std::size_t>(inner);
                std::vector<float> projected(is_gated(activation) ? 2 * n : n);
                for (auto& v : projected) v = normal(random);
                std::vector<bf16> out(n + 1, bf16{0x7777});
                for (int64_t l = 0; l < lanes_of(inner); ++l)
                    activate_lane<a()>(projected.data(), inner, l * lane, false, out.data());
                float const* up = projected.data() + projected.size() - n;
                for (std::size_t j = 0; j < n; ++j)
                    ASSERT_EQ(out[j].bits, to_bf16(activate<a()>(projected[j], up[j])).bits);
                ASSERT_EQ(out[n].bits, 0x7777);
            });
}

}  // namespace
}  // namespace epsim::gpu
