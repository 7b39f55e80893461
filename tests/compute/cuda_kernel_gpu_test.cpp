#include "compute/cuda/cuda_kernel.hpp"

#include <cmath>

#include "compute/kernel_case.hpp"
#include "compute/network_oracle.hpp"
#include "core/error.hpp"
#include "support/gpu.hpp"

namespace epsim {
namespace {

using test::KernelCase;
using test::NetworkOracle;

constexpr uint64_t seed = 42;

class CudaKernelGpu : public test::Gpu {
protected:
    /// A kernel of three slots under test.
    struct Tested {
        FeedForwardSpec spec;
        std::vector<std::vector<WeightKey>> keys = test::distinct_keys(1, 3);
        std::unique_ptr<ExpertKernel> kernel;

        Tested(char const* name, FeedForwardSpec of) : spec(of) {
            spec.rounds_products = rounds_products(name);
            kernel = make_expert_kernel(name, spec, seed, keys, 2);
        }
    };
    /// Every entry within the rounding bound, and rows that no entry names left alone.
    void expect_right(Tested const& tested, std::vector<int64_t> const& load,
                      KernelCase::Order order, uint32_t round) {
        auto const& spec = tested.spec;
        KernelCase run(spec, load, order, round);
        RowBuffer in_memory(MemoryKind::device, spec.in_dtype, spec.hidden);
        RowBuffer out_memory(MemoryKind::device, spec.out_dtype, spec.hidden);
        auto in = run.in;
        in.rows = upload(run.in.rows, in_memory);
        BufferView const out = upload(run.out, out_memory);
        tested.kernel->prepare(run.most_rows(), run.slot_offset.back());
        tested.kernel->forward(0, in, out, *stream);
        download(out, run.out);
        std::vector<bool> named(static_cast<std::size_t>(run.out.rows));
        for (std::size_t s = 0; s < load.size(); ++s) {
            NetworkOracle const oracle(spec, seed, tested.keys[0][s], 0x1p-24);
            for (auto e = run.slot_offset[s]; e < run.slot_offset[s + 1]; ++e) {
                auto const row = run.row_index[static_cast<std::size_t>(e)];
                named[static_cast<std::size_t>(row)] = true;
                auto const got = KernelCase::row(run.out, row);
                auto const expected = oracle.run(KernelCase::row(run.in.rows, row));
                for (std::size_t j = 0; j < got.size(); ++j)
                    ASSERT_LE(std::abs(got[j] - expected[j].value), expected[j].error)
                        << tested.kernel->name() << ", round " << round << ", slot " << s
                        << ", row " << row;
            }
        }
        for (int64_t r = 0; r < run.out.rows; ++r) {
            if (named[static_cast<std::size_t>(r)]) continue;
            for (float const v : KernelCase::row(run.out, r)) ASSERT_EQ(v, KernelCase::untouched);
        }
    }
};

TEST_F(CudaKernelGpu, IsWithinTheRoundingBoundOnAllActivationsShapesAndLoads) {
    using enum Activation;
    uint32_t round = 0;
    for (char const* name : {"cublas", "cublas-loop"})
        for (DType const dtype : compute_dtypes)
            for (Activation const a : {relu, gelu, geglu, swiglu, swiglu_clamped})
                for (auto const& [h, i] : {std::pair{1, 1}, {31, 97}, {64, 32}, {256, 192}}) {
                    Tested const tested(name, {h, i, a, dtype, dtype, dtype});
                    for (auto const& load : std::vector<std::vector<int64_t>>{
                             {0, 0, 0}, {1, 0, 2}, {0, 67, 0}, {16, 17, 131}})
                        for (auto const order :
                             {KernelCase::Order::contiguous, KernelCase::Order::interleaved})
                            expect_right(tested, load, order, ++round);
                }
}

TEST_F(CudaKernelGpu, TakesAndGivesOtherTypesThanItsWeights) {
    using enum DType;
    FeedForwardSpec const narrow_in{64, 96, Activation::swiglu, f32, bf16, bf16};
    for (char const* name : {"cublas", "cublas-loop"})
        expect_right({name, narrow_in}, {5, 0, 40}, KernelCase::Order::interleaved, 1);
    FeedForwardSpec const wide_out{64, 96, Activation::swiglu, bf16, bf16, f32};
    expect_right({"cublas-loop", wide_out}, {5, 0, 40}, KernelCase::Order::interleaved, 2);
    EXPECT_THROW(make_expert_kernel("cublas", wide_out, seed, {}, 1), InputError);
}

}  // namespace
}  // namespace epsim
