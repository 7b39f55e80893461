#include <gtest/gtest.h>

#include <random>

#include "compute/cpu/cpu_kernel.hpp"
#include "compute/kernel_case.hpp"
#include "compute/network_oracle.hpp"
#include "core/error.hpp"

namespace epsim {
namespace {

using cpu::CpuLevel;
using test::KernelCase;
using test::NetworkOracle;

constexpr uint64_t seed = 11;

class CpuKernelTest : public testing::Test {
protected:
    void SetUp() override {
        if (cpu::cpu_level() == CpuLevel::none) GTEST_SKIP() << "this CPU lacks AVX-512";
    }
};

/// Every `stride`-th entry of each slot against the oracle.
void expect_right(KernelCase const& run, FeedForwardSpec const& spec,
                  std::vector<WeightKey> const& keys, std::size_t stride = 1) {
    for (std::size_t s = 0; s < keys.size(); ++s) {
        if (run.slot_offset[s] == run.slot_offset[s + 1]) continue;
        NetworkOracle const oracle(spec, seed, keys[s], 0x1p-24);
        auto const last = static_cast<std::size_t>(run.slot_offset[s + 1]);
        for (auto e = static_cast<std::size_t>(run.slot_offset[s]); e < last; e += stride) {
            auto const got = KernelCase::row(run.out, run.row_index[e]);
            auto const expected = oracle.run(KernelCase::row(run.in.rows, run.row_index[e]));
            for (std::size_t j = 0; j < got.size(); ++j)
                ASSERT_LE(std::abs(got[j] - expected[j].value), expected[j].error)
                    << "slot " << s << " entry " << e << " column " << j;
        }
    }
}

TEST_F(CpuKernelTest, IsWithinTheBoundForEveryNumberOfRowsOfATile) {
    for (DType const in : {DType::f32, DType::bf16})
        for (DType const dtype : {DType::f32, DType::bf16}) {
            FeedForwardSpec const spec{37, 35, Activation::swiglu, dtype, in, dtype};
            auto const keys = test::distinct_keys(1, 1);
            auto const kernel = make_cpu_kernel(spec, seed, keys, 1);
            for (int64_t rows = 1; rows <= 40; ++rows) {
                KernelCase run(spec, {rows}, KernelCase::Order::interleaved,
                               static_cast<uint32_t>(rows));
                run.run(*kernel);
                SCOPED_TRACE(rows);
                expect_right(run, spec, keys[0]);
            }
        }
}

/// Rows by a random share of a random total, many slots without any.
std::vector<int64_t> random_load(std::mt19937& random, int slots) {
    std::vector<int64_t> rows;
    for (int s = 0; s < slots; ++s) {
        auto const most = std::array{1u, 9u, 60u, 300u}[random() % 4];
        rows.push_back(random() % 3 == 0 ? 0 : static_cast<int64_t>(random() % most));
    }
    return rows;
}

TEST_F(CpuKernelTest, IsWithinTheBoundOnRandomShapesTypesLoadsAndThreads) {
    using enum Activation;
    std::mt19937 random(5);
    auto const type = [&] { return random() % 2 ? DType::bf16 : DType::f32; };
    for (int round = 0; round < 60; ++round) {
        auto const activation = std::array{relu, gelu, geglu, swiglu, swiglu_clamped}[random() % 5];
        FeedForwardSpec const spec{1 + static_cast<int>(random() % 150),
                                   1 + static_cast<int>(random() % 150),
                                   activation,
                                   type(),
                                   type(),
                                   type()};
        auto const slots = 1 + static_cast<int>(random() % 6);
        auto const keys = test::distinct_keys(1, slots);
        auto const best = static_cast<unsigned>(cpu::cpu_level());
        auto const level = static_cast<CpuLevel>(1 + random() % best);
        auto const kernel =
            make_cpu_kernel(spec, seed, keys, 1 + static_cast<int>(random() % 3), level);
        KernelCase run(spec, random_load(random, slots), KernelCase::Order::interleaved, random());
        run.run(*kernel);
        SCOPED_TRACE(round);
        expect_right(run, spec, keys[0], 7);
    }
}

/// A width that is no power of two, and more rows than one piece has.
TEST_F(CpuKernelTest, IsWithinTheBoundOnWideAndLongCases) {
    for (auto const& [hidden, inner, rows] :
         {std::tuple{2880, 24, int64_t{3}}, {24, 2880, int64_t{3}}, {16, 24, int64_t{4096}}})
        for (DType const dtype : {DType::f32, DType::bf16}) {
            FeedForwardSpec const spec{hidden, inner, Activation::swiglu, dtype, dtype, dtype};
            auto const keys = test::distinct_keys(1, 2);
            auto const kernel = make_cpu_kernel(spec, seed, keys, 2);
            KernelCase run(spec, {rows, 1}, KernelCase::Order::interleaved, 3);
            run.run(*kernel);
            expect_right(run, spec, keys[0], static_cast<std::size_t>(1 + rows / 50));
        }
}

/// As documented: a row's bits do not depend on what comes with it, nor on the threads.
TEST_F(CpuKernelTest, GivesARowTheSameBitsInAnyCompany) {
    for (DType const dtype : {DType::f32, DType::bf16}) {
        FeedForwardSpec const spec{90, 70, Activation::geglu, dtype, dtype, dtype};
        auto const keys = test::distinct_keys(1, 3);
        auto const alone = make_cpu_kernel(spec, seed, keys, 1);
        for (int const threads : {1, 2, 3})
            for (auto const& load : {std::vector<int64_t>{61, 2, 14}, {0, 333, 0}, {1, 1, 1}}) {
                auto const kernel = make_cpu_kernel(spec, seed, keys, threads);
                KernelCase many(spec, load, KernelCase::Order::interleaved, 4);
                many.run(*kernel);
                for (std::size_t s = 0; s < 3; ++s)
                    for (int64_t e = many.slot_offset[s]; e < many.slot_offset[s + 1]; e += 5) {
                        auto const row = many.row_index[static_cast<std::size_t>(e)];
                        std::vector<int64_t> one(3);
                        one[s] = 1;
                        KernelCase single(spec, one, KernelCase::Order::contiguous, 5);
                        std::copy_n(many.in.rows.row(row), many.in.rows.row_bytes(),
                                    single.in.rows.row(0));
                        single.run(*alone);
                        ASSERT_EQ(KernelCase::row(single.out, 0), KernelCase::row(many.out, row));
                    }
            }
    }
}

/// Without bf16 products both give sums of the same fp32 products, in the same order.
TEST_F(CpuKernelTest, RunsBf16WithoutItsInstructions) {
    for (DType const in : {DType::f32, DType::bf16}) {
        FeedForwardSpec const spec{55, 47, Activation::gelu, DType::bf16, in, DType::f32};
        auto const keys = test::distinct_keys(1, 2);
        auto const kernel = make_cpu_kernel(spec, seed, keys, 1, CpuLevel::avx512f);
        KernelCase run(spec, {30, 5}, KernelCase::Order::interleaved, 8);
        run.run(*kernel);
        expect_right(run, spec, keys[0]);
    }
}

TEST(CpuKernelAnywhere, SaysWhatAnOldMachineCannotDo) {
    FeedForwardSpec const spec{8, 8, Activation::relu, DType::f32, DType::f32, DType::f32};
    try {
        make_cpu_kernel(spec, seed, {}, 1, CpuLevel::none);
        FAIL() << "must not run without AVX-512";
    } catch (InputError const& error) {
        EXPECT_NE(std::string(error.what()).find("Use compute.kernel = auto"), std::string::npos);
    }
}

}  // namespace
}  // namespace epsim
