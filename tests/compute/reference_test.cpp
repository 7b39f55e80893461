#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "compute/kernel_case.hpp"
#include "compute/reference/round_once.hpp"

namespace epsim {
namespace {

using test::KernelCase;

/// Eight significant bits, exponents from -126, ties to even, straight from fp64.
double nearest_bf16(double value) {
    double const quantum = std::ldexp(1.0, std::max(std::ilogb(value), -126) - 7);
    double const nearest = std::nearbyint(value / quantum) * quantum;
    return std::abs(nearest) >= 0x1p128 ? std::copysign(INFINITY, value) : nearest;
}

TEST(RoundOnce, GivesTheNearestBf16) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 300000; ++i) {
        // A bf16, or the middle of two, and a little to the side of it.
        int const exponent = static_cast<int>(random() % 290) - 150;
        double const base = std::ldexp(static_cast<double>(256 + random() % 512), exponent - 8);
        double const offset = std::ldexp(static_cast<double>(random() % 3) - 1,
                                         exponent - static_cast<int>(random() % 45));
        double const value = (random() & 1 ? -1 : 1) * (base + offset);
        ASSERT_EQ(static_cast<double>(to_float(round_once<bf16>(value))), nearest_bf16(value))
            << std::hexfloat << value;
    }
    // The nearest float is the middle of two bf16, the number is not.
    EXPECT_EQ(to_float(round_once<bf16>(1 + 0x1p-8 + 0x1p-40)), 1 + 0x1p-7f);
    EXPECT_EQ(to_float(round_once<bf16>(1 + 0x1p-8)), 1.0f);
    EXPECT_TRUE(std::isnan(to_float(round_once<bf16>(NAN))));
    EXPECT_EQ(to_float(round_once<bf16>(-1e300)), -INFINITY);
    EXPECT_EQ(to_float(round_once<bf16>(1e-300)), 0.0f);
}

/// The same row gives the same bits, whatever rows and slots come with it and in whatever order.
TEST(ReferenceKernel, ComputesEachRowAlone) {
    for (DType const dtype : {DType::f32, DType::bf16}) {
        FeedForwardSpec const spec{67, 150, Activation::swiglu, dtype, dtype, dtype};
        auto const kernel = make_expert_kernel("reference", spec, 3, test::distinct_keys(1, 2), 1);
        KernelCase many(spec, {29, 14}, KernelCase::Order::interleaved, 4);
        many.run(*kernel);
        for (std::size_t s = 0; s < 2; ++s)
            for (int64_t e = many.slot_offset[s]; e < many.slot_offset[s + 1]; ++e) {
                auto const row = many.row_index[static_cast<std::size_t>(e)];
                KernelCase alone(spec,
                                 s == 0 ? std::vector<int64_t>{1, 0} : std::vector<int64_t>{0, 1},
                                 KernelCase::Order::contiguous, 5);
                std::copy_n(many.in.rows.row(row), many.in.rows.row_bytes(), alone.in.rows.row(0));
                alone.run(*kernel);
                ASSERT_EQ(KernelCase::row(alone.out, 0), KernelCase::row(many.out, row));
            }
    }
}

TEST(ReferenceKernel, GivesTheSameBitsOnAnyNumberOfThreads) {
    FeedForwardSpec const spec{40, 300, Activation::gelu, DType::f32, DType::f32, DType::f32};
    std::vector<std::vector<float>> outputs;
    for (int const threads : {1, 2, 5}) {
        auto const kernel =
            make_expert_kernel("reference", spec, 3, test::distinct_keys(1, 2), threads);
        KernelCase run(spec, {3, 9}, KernelCase::Order::interleaved, 4);
        run.run(*kernel);
        for (int32_t const r : run.row_index) outputs.push_back(KernelCase::row(run.out, r));
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) ASSERT_EQ(outputs[i], outputs[i % 12]);
}

}  // namespace
}  // namespace epsim
