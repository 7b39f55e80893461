#include "rows/permute.hpp"

#include <algorithm>
#include <cstring>

#include "rows/cpu/row_checks.hpp"
#include "rows/row_codec.hpp"

namespace epsim {
namespace {

void copy_bytes(std::byte const* from, std::byte* to, int64_t bytes) {
    std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

/// Into the nearest cache, to be read once.
void prefetch(std::byte const* from, std::byte const* to) {
    constexpr int64_t line = 64;
    for (; from < to; from += line) __builtin_prefetch(from);
}

/// \param address of a row
template <class Address>
void permute(BufferView in, std::span<int32_t const> assignment_row, int top_k, Stores stores,
             Address address) {
    check(in.device == DeviceKind::cpu, "rows are not on the host");
    check(top_k >= 1 && size_of(assignment_row) == in.rows * top_k,
          "assignments differ from tokens x choices in number");
    int64_t const bytes = in.row_bytes();
    bool const streaming = streams(stores, in.bytes() + size_of(assignment_row) * bytes);
    auto const copy = streaming ? stream_bytes : copy_bytes;
    for (int64_t t = 0; t < in.rows; ++t) {
        auto const choices = assignment_row.subspan(static_cast<std::size_t>(t * top_k),
                                                    static_cast<std::size_t>(top_k));
        bool const last = t + 1 == in.rows;
        for (int c = 0; c < top_k; ++c) {
            // The next token is fetched piece by piece while this one is written.
            if (!last)
                prefetch(in.row(t + 1) + bytes * c / top_k,
                         in.row(t + 1) + bytes * (c + 1) / top_k);
            int32_t const row = choices[static_cast<std::size_t>(c)];
            if (row < 0 || std::ranges::find(choices.first(static_cast<std::size_t>(c)), row) !=
                               choices.begin() + c)
                continue;
            if (std::byte* const to = address(row)) copy(in.row(t), to, bytes);
        }
    }
    if (streaming) fence_streams();
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
    check_same_type(in, out);
    check(scale.size() == index.size(), "scales differ from rows in number");
    encode_scaled_rows(in, index, scale, out);
}

void scatter_rows(BufferView in, std::span<int32_t const> index, BufferView out) {
    check_rows(in, out);
    check_same_type(in, out);
    check(in.rows == size_of(index), "scattered rows differ from their indices in number");
    auto const bytes = static_cast<std::size_t>(in.row_bytes());
    for (int64_t i = 0; i < in.rows; ++i)
        std::memcpy(out.row(index[static_cast<std::size_t>(i)]), in.row(i), bytes);
}

void permute_rows(BufferView in, std::span<int32_t const> assignment_row, int top_k, BufferView out,
                  Stores stores) {
    check_rows(in, out);
    check_same_type(in, out);
    permute(in, assignment_row, top_k, stores, [&](int32_t row) { return out.row(row); });
}

void permute_rows_to(BufferView in, std::span<int32_t const> assignment_row, int top_k,
                     std::span<std::byte* const> target, Stores stores) {
    permute(in, assignment_row, top_k, stores,
            [&](int32_t row) { return target[static_cast<std::size_t>(row)]; });
}

}  // namespace epsim
