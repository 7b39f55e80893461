#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "compute/cpu/cpu_kernel.hpp"
#include "compute/kernel_case.hpp"
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

struct Case {
    char const* kernel;
    int threads;
    std::size_t counted_bytes;
};

class KernelMemory : public testing::TestWithParam<Case> {
protected:
    void SetUp() override {
        if (std::string_view(GetParam().kernel) == "cpu" && cpu::cpu_level() == cpu::CpuLevel::none)
            GTEST_SKIP() << "this CPU lacks AVX-512";
        kernel_ = make_expert_kernel(GetParam().kernel, spec_, 1, test::distinct_keys(1, 3),
                                     GetParam().threads);
    }
    FeedForwardSpec spec_{256, 192, Activation::swiglu, DType::bf16, DType::bf16, DType::bf16};
    std::unique_ptr<ExpertKernel> kernel_;
    HostStream stream_;
};

TEST_P(KernelMemory, IsNotTakenForRowsAfterPrepare) {
    KernelCase run(spec_, {37, 600, 64}, KernelCase::Order::interleaved, 1);
    large_requests = 0;
    watched_bytes = GetParam().counted_bytes;
    kernel_->prepare(600, 701);
    EXPECT_GT(large_requests, 0) << "the count sees what prepare takes";
    large_requests = 0;
    kernel_->forward(0, run.in, run.out, stream_);
    kernel_->prepare(600, 701);
    watched_bytes = 0;
    EXPECT_EQ(large_requests, 0);
}

TEST_P(KernelMemory, MustBePrepared) {
    KernelCase run(spec_, {2, 0, 0}, KernelCase::Order::contiguous, 1);
    EXPECT_THROW(kernel_->forward(0, run.in, run.out, stream_), Error);
    kernel_->prepare(2, 2);
    kernel_->forward(0, run.in, run.out, stream_);
}

/// oneDNN itself makes small objects; rows, weights and scratch would be far over 4 KiB.
INSTANTIATE_TEST_SUITE_P(All, KernelMemory,
                         testing::Values(Case{"onednn", 2, 4096}, Case{"cpu", 1, 1},
                                         Case{"cpu", 2, 1}),
                         [](auto const& test) {
                             return std::string(test.param.kernel) + "_" +
                                    std::to_string(test.param.threads);
                         });

}  // namespace
}  // namespace epsim
