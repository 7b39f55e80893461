#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "compute/kernel_case.hpp"
#include "compute/onednn/matmul_ladder.hpp"
#include "core/error.hpp"

namespace {

std::atomic<std::size_t> watched_bytes{0};  // requests of at least this many count; 0 = none do
std::atomic<int> large_requests{0};

void* allocate(std::size_t bytes, std::size_t alignment) {
    if (watched_bytes != 0 && bytes >= watched_bytes) ++large_requests;
    void* const p = std::aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
    if (!p) throw std::bad_alloc();
    return p;
}

}  // namespace

// The whole program's: counts what a kernel takes while it runs.
// GCC takes the pair for mismatched where it inlines only one of the two.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(std::size_t bytes) {
    return allocate(bytes, alignof(std::max_align_t));
}
void* operator new[](std::size_t bytes) {
    return allocate(bytes, alignof(std::max_align_t));
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
    return allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept {
    std::free(p);
}
void operator delete[](void* p) noexcept {
    std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
    std::free(p);
}
void operator delete[](void* p, std::size_t) noexcept {
    std::free(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
    std::free(p);
}
void operator delete[](void* p, std::align_val_t) noexcept {
    std::free(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
    std::free(p);
}
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
    std::free(p);
}

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

/// oneDNN itself makes small objects; rows, weights and scratch would be far over 4 KiB.
TEST(OnednnKernel, TakesNoMemoryForRowsAfterPrepare) {
    FeedForwardSpec const spec{256, 192, Activation::swiglu, DType::bf16, DType::bf16, DType::bf16};
    auto const kernel = make_expert_kernel("onednn", spec, 1, test::distinct_keys(1, 3), 2);
    KernelCase run(spec, {37, 600, 64}, KernelCase::Order::interleaved, 1);
    HostStream stream;
    large_requests = 0;
    watched_bytes = 4096;
    kernel->prepare(600, 701);
    EXPECT_GT(large_requests, 0) << "the count sees what prepare takes";
    large_requests = 0;
    kernel->forward(0, run.in, run.out, stream);
    kernel->prepare(600, 701);
    watched_bytes = 0;
    EXPECT_EQ(large_requests, 0);
}

TEST(OnednnKernel, MustBePrepared) {
    FeedForwardSpec const spec{8, 8, Activation::relu, DType::f32, DType::f32, DType::f32};
    auto const kernel = make_expert_kernel("onednn", spec, 1, test::distinct_keys(1, 1), 1);
    KernelCase run(spec, {2}, KernelCase::Order::contiguous, 1);
    HostStream stream;
    EXPECT_THROW(kernel->forward(0, run.in, run.out, stream), Error);
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
