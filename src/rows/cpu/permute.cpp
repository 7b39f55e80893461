#include "rows/permute.hpp"

#include <algorithm>
#include <cstring>

#include "core/error.hpp"
#include "core/simd.hpp"

namespace epsim {
namespace {

void check_rows(BufferView in, BufferView out) {
    check(in.device == DeviceKind::cpu && out.device == DeviceKind::cpu,
          "rows are not on the host");
    check(in.width == out.width, "rows in and out differ in width");
}

void check_same_type(BufferView in, BufferView out) {
    check(in.type == out.type, "rows in and out differ in type");
}

int64_t size_of(auto const& span) {
    return static_cast<int64_t>(span.size());
}

template <class T>
EPSIM_SIMD_CLONES void scale_row(T const* in, float scale, int64_t width, T* out) {
    for (int64_t j = 0; j < width; ++j) out[j] = from_float<T>(scale * to_float(in[j]));
}

/// Columns [first, first + n) of one token's sum. With n known to the compiler the sums stay in
/// registers.
template <class In, class Out>
[[gnu::always_inline]] inline void sum_columns(BufferView in, std::span<int32_t const> choices,
                                               float const* weight, int64_t first, int64_t n,
                                               float* sum, Out* out) {
    std::fill_n(sum, n, 0.0f);
    for (std::size_t c = 0; c < choices.size(); ++c) {
        if (choices[c] < 0) continue;
        In const* x = in.as<In>() + choices[c] * in.width + first;
        float const w = weight ? weight[c] : 1.0f;
        for (int64_t j = 0; j < n; ++j) sum[j] += w * to_float(x[j]);
    }
    for (int64_t j = 0; j < n; ++j) out[first + j] = from_float<Out>(sum[j]);
}

/// One token's sum. \param weight null = all one
template <class In, class Out>
EPSIM_SIMD_CLONES void sum_row(BufferView in, std::span<int32_t const> choices, float const* weight,
                               Out* out) {
    constexpr int64_t block = 64;
    float sum[block];
    int64_t first = 0;
    for (; first + block <= in.width; first += block)
        sum_columns<In>(in, choices, weight, first, block, sum, out);
    sum_columns<In>(in, choices, weight, first, in.width - first, sum, out);
}

}  // namespace

void gather_rows(BufferView in, std::span<int32_t const> index, BufferView out) {
    check_rows(in, out);
    check_same_type(in, out);
    check(out.rows == size_of(index), "gathered rows differ from their indices in number");
    auto const bytes = static_cast<std::size_t>(out.row_bytes());
    for (int64_t i = 0; i < out.rows; ++i) {
        int32_t const from = index[static_cast<std::size_t>(i)];
        if (from < 0)
            std::memset(out.row(i), 0, bytes);
        else
            std::memcpy(out.row(i), in.row(from), bytes);
    }
}

void gather_scaled_rows(BufferView in, std::span<int32_t const> index, std::span<float const> scale,
                        BufferView out) {
    check_rows(in, out);
    check_same_type(in, out);
    check(out.rows == size_of(index), "gathered rows differ from their indices in number");
    check(scale.size() == index.size(), "scales differ from rows in number");
    dispatch_dtype(out.type, [&]<class T>(T) {
        T* to = out.as<T>();
        for (std::size_t i = 0; i < index.size(); ++i, to += out.width) {
            if (index[i] < 0)
                std::fill_n(to, out.width, T{});
            else
                scale_row(in.as<T>() + index[i] * in.width, scale[i], out.width, to);
        }
    });
}

void scatter_rows(BufferView in, std::span<int32_t const> index, BufferView out) {
    check_rows(in, out);
    check_same_type(in, out);
    check(in.rows == size_of(index), "scattered rows differ from their indices in number");
    auto const bytes = static_cast<std::size_t>(in.row_bytes());
    for (int64_t i = 0; i < in.rows; ++i)
        std::memcpy(out.row(index[static_cast<std::size_t>(i)]), in.row(i), bytes);
}

void weighted_sum_rows(BufferView in, std::span<int32_t const> assignment_row,
                       std::span<float const> weight, int top_k, BufferView out) {
    check_rows(in, out);
    check(top_k >= 1 && size_of(assignment_row) == out.rows * top_k,
          "assignments differ from tokens x choices in number");
    check(weight.empty() || weight.size() == assignment_row.size(),
          "weights differ from assignments in number");
    dispatch_dtype(in.type, [&]<class In>(In) {
        dispatch_dtype(out.type, [&]<class Out>(Out) {
            for (int64_t t = 0; t < out.rows; ++t) {
                auto const first = static_cast<std::size_t>(t * top_k);
                sum_row<In>(in, assignment_row.subspan(first, static_cast<std::size_t>(top_k)),
                            weight.empty() ? nullptr : &weight[first],
                            out.as<Out>() + t * out.width);
            }
        });
    });
}

}  // namespace epsim
