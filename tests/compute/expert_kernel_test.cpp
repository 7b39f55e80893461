#include "compute/expert_kernel.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "compute/cpu/cpu_kernel.hpp"
#include "compute/kernel_case.hpp"
#include "compute/network_oracle.hpp"
#include "core/error.hpp"

namespace epsim {
namespace {

using test::Bounded;
using test::distinct_keys;
using test::KernelCase;
using test::NetworkOracle;

constexpr uint64_t seed = 42;

/// What a kernel sums with. Twice fp64's, since the oracle rounds too.
double sum_roundoff(std::string_view kernel) {
    return kernel == "reference" ? 0x1p-52 : 0x1p-24;
}

/// Largest |error| / bound of a row; NaN is infinitely wrong.
double worst_ratio(std::vector<float> const& got, std::vector<Bounded> const& expected) {
    double worst = 0;
    for (std::size_t j = 0; j < got.size(); ++j) {
        auto const ratio =
            static_cast<double>(std::abs(got[j] - expected[j].value) / expected[j].error);
        worst = std::isnan(ratio) ? INFINITY : std::max(worst, ratio);
    }
    return worst;
}

/// Every `stride`-th entry within its bound, and rows that no entry names left alone.
void expect_right(KernelCase const& run, FeedForwardSpec const& spec,
                  std::vector<WeightKey> const& keys, double u, std::size_t stride = 1) {
    std::vector<bool> named(static_cast<std::size_t>(run.out.rows));
    for (int32_t const r : run.row_index) named[static_cast<std::size_t>(r)] = true;
    for (std::size_t s = 0; s < keys.size(); ++s) {
        NetworkOracle const oracle(spec, seed, keys[s], u);
        auto const last = static_cast<std::size_t>(run.slot_offset[s + 1]);
        for (auto e = static_cast<std::size_t>(run.slot_offset[s]); e < last; e += stride) {
            auto const r = run.row_index[e];
            ASSERT_LE(worst_ratio(KernelCase::row(run.out, r),
                                  oracle.run(KernelCase::row(run.in.rows, r))),
                      1.0)
                << "slot " << s << " row " << r;
        }
    }
    for (int64_t r = 0; r < run.out.rows; ++r) {
        if (named[static_cast<std::size_t>(r)]) continue;
        for (float const v : KernelCase::row(run.out, r)) ASSERT_EQ(v, KernelCase::untouched);
    }
}

class ExpertKernels : public testing::TestWithParam<char const*> {
protected:
    void SetUp() override {
        if (std::string_view(GetParam()) == "cpu" && cpu::cpu_level() == cpu::CpuLevel::none)
            GTEST_SKIP() << "this CPU lacks AVX-512";
    }
};

TEST_P(ExpertKernels, AreWithinTheRoundingBoundOnAllTypesAndActivations) {
    using enum Activation;
    using enum DType;
    uint32_t round = 0;
    for (Activation const a : {relu, gelu, geglu, swiglu, swiglu_clamped})
        for (DType const in : {f32, bf16})
            for (DType const dtype : {f32, bf16})
                for (DType const out : {f32, bf16}) {
                    FeedForwardSpec const spec{23, 41, a, dtype, in, out};
                    auto const keys = distinct_keys(1, 3);
                    auto const kernel = make_expert_kernel(GetParam(), spec, seed, keys, 2);
                    KernelCase run(spec, {5, 0, 19}, KernelCase::Order::interleaved, ++round);
                    run.run(*kernel);
                    SCOPED_TRACE(round);
                    expect_right(run, spec, keys[0], sum_roundoff(GetParam()));
                }
}

TEST_P(ExpertKernels, AreWithinTheRoundingBoundOnAllShapesAndLoads) {
    std::vector<std::vector<int64_t>> const loads{
        {0, 0, 0}, {1, 0, 2}, {0, 67, 0}, {16, 17, 9}, {40, 1, 0}};
    uint32_t round = 0;
    for (DType const dtype : {DType::f32, DType::bf16})
        for (auto const& [h, i] :
             {std::pair{1, 1}, {1, 13}, {11, 1}, {64, 32}, {31, 97}, {128, 65}})
            for (auto const order :
                 {KernelCase::Order::contiguous, KernelCase::Order::interleaved}) {
                FeedForwardSpec const spec{h, i, Activation::swiglu, dtype, dtype, dtype};
                auto const keys = distinct_keys(1, 3);
                auto const kernel = make_expert_kernel(GetParam(), spec, seed, keys, 1);
                for (auto const& load : loads) {
                    KernelCase run(spec, load, order, ++round);
                    run.run(*kernel);
                    SCOPED_TRACE(round);
                    expect_right(run, spec, keys[0], sum_roundoff(GetParam()));
                }
            }
}

/// More rows in one slot than any product is compiled for.
TEST_P(ExpertKernels, AreWithinTheRoundingBoundOnManyRows) {
    for (DType const dtype : {DType::f32, DType::bf16}) {
        FeedForwardSpec const spec{96, 160, Activation::geglu, dtype, dtype, dtype};
        auto const keys = distinct_keys(1, 2);
        auto const kernel = make_expert_kernel(GetParam(), spec, seed, keys, 2);
        for (auto const order : {KernelCase::Order::contiguous, KernelCase::Order::interleaved}) {
            KernelCase run(spec, {1100, 513}, order, 5);
            run.run(*kernel);
            expect_right(run, spec, keys[0], sum_roundoff(GetParam()), 11);
        }
    }
}

/// A row may serve several entries, and results lie in an order of their own.
TEST_P(ExpertKernels, ReadRowsAndWriteResultsWhereTheyAreTold) {
    std::mt19937 random(9);
    for (DType const dtype : {DType::f32, DType::bf16}) {
        FeedForwardSpec const spec{33, 20, Activation::swiglu, dtype, dtype, dtype};
        auto const keys = distinct_keys(1, 2);
        auto const kernel = make_expert_kernel(GetParam(), spec, seed, keys, 1);
        KernelCase run(spec, {17, 30}, KernelCase::Order::contiguous, 6);
        auto row = run.row_index, result = run.row_index;
        for (int32_t& r : row) r = static_cast<int32_t>(random() % 9);
        std::ranges::shuffle(result, random);
        HostStream stream;
        kernel->prepare(30, 47);
        kernel->forward(0, {run.in.rows, run.slot_offset, row, result, run.weight}, run.out,
                        stream);
        for (std::size_t e = 0; e < 47; ++e) {
            NetworkOracle const oracle(spec, seed, keys[0][e < 17 ? 0 : 1],
                                       sum_roundoff(GetParam()));
            ASSERT_LE(worst_ratio(KernelCase::row(run.out, result[e]),
                                  oracle.run(KernelCase::row(run.in.rows, row[e]))),
                      1)
                << e;
        }
    }
}

/// The bound is tight enough to tell: another expert's, another layer's, a neighbour's row.
TEST_P(ExpertKernels, WouldBeCaughtWithWrongWeightsOrRows) {
    for (DType const dtype : {DType::f32, DType::bf16}) {
        FeedForwardSpec const spec{64, 96, Activation::swiglu, dtype, dtype, dtype};
        auto const keys = distinct_keys(2, 2);
        auto const kernel = make_expert_kernel(GetParam(), spec, seed, keys, 1);
        KernelCase run(spec, {4, 4}, KernelCase::Order::contiguous, 6);
        run.run(*kernel, 1);
        auto const x = KernelCase::row(run.in.rows, 0), y = KernelCase::row(run.out, 0);
        auto const ratio = [&](WeightKey key, std::vector<float> const& row) {
            return worst_ratio(y, NetworkOracle(spec, seed, key, 0x1p-24).run(row));
        };
        EXPECT_LE(ratio(keys[1][0], x), 1);
        EXPECT_GT(ratio(keys[1][1], x), 10);
        EXPECT_GT(ratio(keys[0][0], x), 10);
        EXPECT_GT(ratio(keys[1][0], KernelCase::row(run.in.rows, 1)), 10);
    }
}

TEST_P(ExpertKernels, HoldOneCopyForLayersWithEqualKeys) {
    FeedForwardSpec const spec{64, 128, Activation::swiglu, DType::bf16, DType::bf16, DType::bf16};
    auto keys = distinct_keys(2, 2);
    int64_t const matrices = 3 * 64 * 128 * 2;
    auto const two = make_expert_kernel(GetParam(), spec, seed, keys, 1);
    EXPECT_EQ(two->weight_bytes(), 4 * matrices);
    keys.push_back(keys[0]);
    keys.push_back(keys[0]);
    auto const four = make_expert_kernel(GetParam(), spec, seed, keys, 1);
    EXPECT_EQ(four->weight_bytes(), 4 * matrices);
    std::vector<std::vector<float>> rows;
    for (int layer = 0; layer < 4; ++layer) {
        KernelCase run(spec, {2, 3}, KernelCase::Order::contiguous, 8);
        run.run(*four, layer);
        rows.push_back(KernelCase::row(run.out, 4));
    }
    EXPECT_NE(rows[0], rows[1]);
    EXPECT_EQ(rows[0], rows[2]);
    EXPECT_EQ(rows[0], rows[3]);
}

TEST_P(ExpertKernels, RunWithoutSlotsOrRows) {
    FeedForwardSpec const spec{8, 8, Activation::relu, DType::f32, DType::f32, DType::f32};
    auto const kernel = make_expert_kernel(GetParam(), spec, seed, {{}, {}}, 1);
    KernelCase run(spec, {}, KernelCase::Order::interleaved, 1);
    run.run(*kernel, 1);
    expect_right(run, spec, {}, 1);
    EXPECT_EQ(kernel->weight_bytes(), 0);
}

TEST_P(ExpertKernels, RefuseRowsOfAnotherKind) {
    FeedForwardSpec const spec{8, 8, Activation::relu, DType::f32, DType::f32, DType::f32};
    auto const kernel = make_expert_kernel(GetParam(), spec, seed, distinct_keys(1, 2), 1);
    FeedForwardSpec wide = spec, narrow_out = spec;
    wide.hidden = 9;
    narrow_out.out_dtype = DType::bf16;
    for (auto const& other : {wide, narrow_out}) {
        KernelCase run(other, {1, 1}, KernelCase::Order::contiguous, 1);
        EXPECT_THROW(run.run(*kernel), Error);
    }
    KernelCase three_slots(spec, {1, 1, 1}, KernelCase::Order::contiguous, 1);
    EXPECT_THROW(three_slots.run(*kernel), Error);
}

/// A worst-case bound hides a rounding too many or too few; a kernel's mean difference from the
/// reference shows it: one more rounding to bf16 in either makes it 1e-3.
TEST_P(ExpertKernels, RoundAtTheSamePlaces) {
    for (DType const in : {DType::f32, DType::bf16})
        for (DType const dtype : {DType::f32, DType::bf16}) {
            FeedForwardSpec const spec{64, 96, Activation::swiglu, dtype, in, DType::f32};
            std::vector<KernelCase> runs;
            for (char const* name : {"reference", GetParam()}) {
                auto const kernel = make_expert_kernel(name, spec, seed, distinct_keys(1, 1), 1);
                runs.emplace_back(spec, std::vector<int64_t>{50}, KernelCase::Order::contiguous, 1);
                runs.back().run(*kernel);
            }
            double difference = 0, size = 0;
            for (int64_t i = 0; i < 50 * spec.hidden; ++i) {
                double const a = runs[0].out.as<float>()[i], b = runs[1].out.as<float>()[i];
                difference += (a - b) * (a - b);
                size += a * a;
            }
            EXPECT_GT(size, 0);
            EXPECT_LT(std::sqrt(difference / size), dtype == DType::f32 ? 1e-6 : 1e-4);
        }
}

INSTANTIATE_TEST_SUITE_P(All, ExpertKernels, testing::Values("reference", "onednn", "cpu"),
                         [](auto const& kernel) { return std::string(kernel.param); });

TEST(MakeExpertKernel, KnowsItsNames) {
    FeedForwardSpec const spec{8, 8, Activation::relu, DType::f32, DType::f32, DType::f32};
    EXPECT_EQ(make_expert_kernel("auto", spec, seed, {}, 1)->name(),
              cpu::cpu_level() == cpu::CpuLevel::none ? "onednn" : "cpu");
    EXPECT_EQ(make_expert_kernel("reference", spec, seed, {}, 1)->name(), "reference");
    EXPECT_THROW(make_expert_kernel("blas", spec, seed, {}, 1), InputError);
    EXPECT_THROW(make_expert_kernel("auto", spec, seed, {}, 0), Error);
    EXPECT_THROW(make_expert_kernel("auto", {0, 8}, seed, {}, 1), Error);
}

}  // namespace
}  // namespace epsim
