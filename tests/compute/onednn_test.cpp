#include <gtest/gtest.h>

#include <cstdlib>

#include "compute/kernel_case.hpp"
#include "compute/onednn/matmul_ladder.hpp"
#include "core/error.hpp"

namespace epsim {
namespace {

using test::KernelCase;

TEST(LadderRows, PadByAnEighthAtMost) {
    int64_t before = 0;
    for (int64_t rows = 1; rows <= 5000; ++rows) {
        int64_t const padded = onednn::ladder_rows(rows);
        ASSERT_GE(padded, rows);
        ASSERT_LE(8 * (padded - rows), rows < 8 ? 0 : rows);
        ASSERT_GE(padded, before);
        ASSERT_EQ(onednn::ladder_rows(padded), padded);
        before = padded;
    }
}

/// A child process in which oneDNN may use AVX2 only.
void without_avx512(DType dtype) {
    setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 1);
    FeedForwardSpec const spec{24, 40, Activation::swiglu, dtype, dtype, dtype};
    try {
        std::vector<std::vector<float>> rows;
        for (char const* name : {"onednn", "reference"}) {
            auto const kernel = make_expert_kernel(name, spec, 1, test::distinct_keys(1, 1), 1);
            KernelCase run(spec, {21}, KernelCase::Order::contiguous, 1);
            run.run(*kernel);
            rows.push_back(KernelCase::row(run.out, 20));
        }
        double worst = 0;
        for (std::size_t j = 0; j < rows[0].size(); ++j)
            worst = std::max<double>(worst, std::abs(rows[0][j] - rows[1][j]));
        std::exit(worst < 1e-5 ? 0 : 3);
    } catch (InputError const& error) {
        std::fputs(error.what(), stderr);
        std::exit(2);
    }
}

TEST(OnednnKernelDeathTest, SaysWhatAnOldMachineCannotDo) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_EXIT(without_avx512(DType::bf16), testing::ExitedWithCode(2),
                "no bf16 matrix product .*Use model.dtype = fp32");
    EXPECT_EXIT(without_avx512(DType::f32), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace epsim
