#include "rows/row_engine.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "core/error.hpp"
#include "rows/random_rows.hpp"
#include "support/gpu.hpp"

// Kernels against the CPU's functions, bit for bit but where said; outputs are poisoned before.

namespace epsim {
namespace {

class RowEngineGpu : public test::Gpu {
protected:
    void SetUp() override {
        Gpu::SetUp();
        if (IsSkipped()) return;
        gpu = make_row_engine(DeviceKind::cuda);
        cpu = make_row_engine(DeviceKind::cpu);
    }

    using Call = std::function<void(RowEngine&, BufferView in, BufferView out, Stream&)>;
    /// Run on both, from and into rows of the same random bytes.
    void compare(BufferView in, DType out_type, int64_t out_rows, Call const& call,
                 double tolerance = 0) {
        int64_t const width = in.width;
        RandomRows const poison(out_type, out_rows, width, random);
        HostBuffer expected_memory(out_type, width), got_memory(out_type, width);
        BufferView const expected = expected_memory.rows(out_rows), got = got_memory.rows(out_rows);
        std::copy_n(poison.view.data, poison.view.bytes(), expected.data);
        call(*cpu, in, expected, host);
        RowBuffer in_gpu(MemoryKind::device, in.type, width);
        RowBuffer out_gpu(MemoryKind::device, out_type, width);
        BufferView const out = upload(poison.view, out_gpu);
        call(*gpu, upload(in, in_gpu), out, *stream);
        download(out, got);
        if (tolerance == 0) {
            ASSERT_TRUE(std::equal(got.data, got.data + got.bytes(), expected.data))
                << out_rows << " rows of " << width;
            return;
        }
        dispatch_dtype(out_type, [&]<class T>(T) {
            for (int64_t i = 0; i < out_rows * width; ++i)
                ASSERT_NEAR(to_float(got.as<T>()[i]), to_float(expected.as<T>()[i]),
                            tolerance * (1 + std::abs(to_float(expected.as<T>()[i]))));
        });
    }

    static constexpr int64_t widths[] = {1, 2, 7, 8, 64, 129, 513, 2048, 2880, 7168};
    static constexpr int64_t row_counts[] = {0, 1, 13, 700};
    std::mt19937 random{7};
    HostStream host;
    std::unique_ptr<RowEngine> gpu, cpu;
};

TEST_F(RowEngineGpu, Gathers) {
    for (DType const type : wire_dtypes)
        for (int64_t const width : widths)
            for (int64_t const rows : row_counts) {
                RandomRows const in(type, 19, width, random);
                auto const index = random_indices(static_cast<std::size_t>(rows), 19, random);
                compare(in.view, type, rows,
                        [&](RowEngine& e, BufferView a, BufferView b, Stream& s) {
                            e.gather(a, index, b, s);
                        });
            }
}

TEST_F(RowEngineGpu, PermutesAndLeavesOtherRowsAlone) {
    for (DType const type : wire_dtypes)
        for (int64_t const width : widths)
            for (int64_t const tokens : row_counts) {
                RandomRows const in(type, tokens, width, random);
                std::vector<int32_t> row(static_cast<std::size_t>(tokens * 4 + 5));
                std::iota(row.begin(), row.end(), 0);
                std::ranges::shuffle(row, random);
                row.resize(static_cast<std::size_t>(tokens * 4));
                for (auto& r : row)
                    if (random() % 8 == 0) r = -1;
                compare(in.view, type, tokens * 4 + 5,
                        [&](RowEngine& e, BufferView a, BufferView b, Stream& s) {
                            e.permute(a, row, 4, b, s);
                        });
            }
}

TEST_F(RowEngineGpu, SumsGroups) {
    std::normal_distribution<float> normal;
    for (DType const in_type : compute_dtypes)
        for (DType const out_type : compute_dtypes)
            for (int64_t const width : widths)
                for (int64_t const groups : row_counts) {
                    RandomRows const in(in_type, 50, width, random);
                    std::vector<int64_t> offset{3};
                    for (int64_t g = 0; g < groups; ++g)
                        offset.push_back(offset.back() + static_cast<int64_t>(random() % 10));
                    auto const n = static_cast<std::size_t>(offset.back());
                    auto const member = random_indices(n, 50, random);
                    std::vector<float> weight(groups % 2 == 0 ? 0 : n);
                    for (auto& w : weight) w = normal(random);
                    compare(in.view, out_type, groups,
                            [&](RowEngine& e, BufferView a, BufferView b, Stream& s) {
                                e.sum_groups(a, offset, member, weight, b, s);
                            });
                }
}

TEST_F(RowEngineGpu, EncodesAndDecodes) {
    std::uniform_real_distribution<float> uniform(-3, 3);
    for (DType const type : compute_dtypes)
        for (DType const wire : wire_dtypes)
            for (int64_t const width : widths)
                for (int64_t const rows : row_counts) {
                    RandomRows const in(type, 21, width, random);
                    if (rows == 13)
                        dispatch_dtype(type, [&]<class T>(T) {
                            constexpr float inf = std::numeric_limits<float>::infinity();
                            in.view.as<T>()[0] = from_float<T>(inf);
                            in.view.as<T>()[width - 1] = from_float<T>(-inf);
                        });
                    auto const index = random_indices(static_cast<std::size_t>(rows), 21, random);
                    std::vector<float> scale(index.size());
                    for (auto& s : scale) s = uniform(random);
                    compare(in.view, wire, rows,
                            [&](RowEngine& e, BufferView a, BufferView b, Stream& s) {
                                e.encode_scaled(a, index, scale, b, s);
                            });
                    compare(in.view, wire, 21,
                            [&](RowEngine& e, BufferView a, BufferView b, Stream& s) {
                                e.encode(a, b, s);
                            });
                    RandomRows const numbers(type, rows, width, random);
                    HostBuffer memory(wire, width);
                    BufferView const encoded = memory.rows(rows);
                    cpu->encode(numbers.view, encoded, host);
                    compare(encoded, type, rows,
                            [&](RowEngine& e, BufferView a, BufferView b, Stream& s) {
                                e.decode(a, b, s);
                            });
                }
}

TEST_F(RowEngineGpu, AddsAndScalesByAGate) {
    std::normal_distribution<float> normal(0, 0.1f);
    for (DType const type : compute_dtypes)
        for (int64_t const width : widths) {
            RandomRows const in(type, 37, width, random);
            std::vector<float> gate(static_cast<std::size_t>(width));
            for (auto& g : gate) g = normal(random);
            compare(in.view, type, 37,
                    [&](RowEngine& e, BufferView a, BufferView b, Stream& s) { e.add(a, b, s); });
            // Sums in another order; one step of bf16 is 2^-8.
            compare(
                in.view, type, 37,
                [&](RowEngine& e, BufferView a, BufferView b, Stream& s) {
                    e.scale_by_gate(a, gate, b, s);
                },
                type == DType::bf16 ? 0x1p-7 : 1e-4);
        }
}

TEST_F(RowEngineGpu, RefusesRowsOfTheHost) {
    RandomRows const rows(DType::bf16, 3, 8, random);
    EXPECT_THROW(gpu->add(rows.view, rows.view, *stream), Error);
}

}  // namespace
}  // namespace epsim
