#include <algorithm>

#include "core/simd.hpp"
#include "rows/cpu/row_checks.hpp"
#include "rows/permute.hpp"

namespace epsim {
namespace {

constexpr int64_t line = 64;     // bytes
constexpr int64_t block = 64;    // columns whose sums stay in registers
constexpr int64_t ahead = 1024;  // bytes of each row between what is read and what is fetched

/// Rows to add up.
struct Members {
    std::span<int32_t const> row;
    float const* weight;  ///< null = all one
};

/// Lines of columns [first, first + block) of every member.
template <class In>
[[gnu::always_inline]] inline void prefetch_columns(BufferView in, Members const& members,
                                                    int64_t first) {
    for (int32_t const row : members.row) {
        if (row < 0) continue;
        auto const* x = reinterpret_cast<std::byte const*>(in.as<In>() + row * in.width + first);
        for (int64_t b = 0; b < block * int64_t{sizeof(In)}; b += line) __builtin_prefetch(x + b);
    }
}

/// Columns [first, first + n) of one sum. With n known to the compiler the sums stay in registers.
template <class In, class Out>
[[gnu::always_inline]] inline void sum_columns(BufferView in, Members const& members, int64_t first,
                                               int64_t n, float* sum, Out* out) {
    std::fill_n(sum, n, 0.0f);
    for (std::size_t c = 0; c < members.row.size(); ++c) {
        if (members.row[c] < 0) continue;
        In const* x = in.as<In>() + members.row[c] * in.width + first;
        float const w = members.weight ? members.weight[c] : 1.0f;
        for (int64_t j = 0; j < n; ++j) sum[j] += w * to_float(x[j]);
    }
    for (int64_t j = 0; j < n; ++j) out[j] = from_float<Out>(sum[j]);
}

/// One sum; while it is made, its own rows are fetched `ahead`, and the first lines of the next's.
template <class In, class Out>
EPSIM_SIMD_CLONES void sum_members(BufferView in, Members const& members, Members const& next,
                                   bool streaming, Out* out) {
    alignas(line) float sum[block];
    alignas(line) Out rounded[block];
    constexpr int64_t lead = ahead / int64_t{sizeof(In)};
    int64_t first = 0;
    auto const put = [&](int64_t n) {
        if (streaming)
            stream_bytes(reinterpret_cast<std::byte const*>(rounded),
                         reinterpret_cast<std::byte*>(out + first), n * int64_t{sizeof(Out)});
        else
            std::copy_n(rounded, n, out + first);
        first += n;
    };
    if (streaming) {  // up to where whole lines begin
        auto const past_line = static_cast<int64_t>(reinterpret_cast<uintptr_t>(out) % line);
        int64_t const n = std::min(in.width, (line - past_line) % line / int64_t{sizeof(Out)});
        sum_columns<In>(in, members, first, n, sum, rounded);
        put(n);
    }
    while (first + block <= in.width) {
        if (first + lead < in.width)
            prefetch_columns<In>(in, members, first + lead);
        else
            prefetch_columns<In>(in, next, first + lead - in.width);
        sum_columns<In>(in, members, first, block, sum, rounded);
        put(block);
    }
    sum_columns<In>(in, members, first, in.width - first, sum, rounded);
    put(in.width - first);
}

/// \param members_of a row of out
template <class MembersOf>
void sum_all(BufferView in, BufferView out, Stores stores, MembersOf members_of) {
    check_computes(in);
    check_computes(out);
    bool const streaming = streams(stores, out.bytes());
    dispatch_dtype(in.type, [&]<class In>(In) {
        dispatch_dtype(out.type, [&]<class Out>(Out) {
            for (int64_t i = 0; i < out.rows; ++i)
                sum_members<In>(in, members_of(i), i + 1 < out.rows ? members_of(i + 1) : Members{},
                                streaming, out.as<Out>() + i * out.width);
        });
    });
    if (streaming) fence_streams();
}

}  // namespace

void weighted_sum_rows(BufferView in, std::span<int32_t const> assignment_row,
                       std::span<float const> weight, int top_k, BufferView out, Stores stores) {
    check_rows(in, out);
    check(top_k >= 1 && size_of(assignment_row) == out.rows * top_k,
          "assignments differ from tokens x choices in number");
    check(weight.empty() || weight.size() == assignment_row.size(),
          "weights differ from assignments in number");
    sum_all(in, out, stores, [&](int64_t t) {
        auto const first = static_cast<std::size_t>(t * top_k);
        return Members{assignment_row.subspan(first, static_cast<std::size_t>(top_k)),
                       weight.empty() ? nullptr : &weight[first]};
    });
}

void weighted_sum_groups(BufferView in, std::span<int64_t const> group_offset,
                         std::span<int32_t const> member, std::span<float const> weight,
                         BufferView out, Stores stores) {
    check_rows(in, out);
    check(size_of(group_offset) == out.rows + 1, "offsets are one more than groups");
    check(group_offset.front() >= 0 && group_offset.back() <= size_of(member),
          "groups lie outside of their members");
    check(weight.empty() || weight.size() == member.size(),
          "weights differ from members in number");
    sum_all(in, out, stores, [&](int64_t g) {
        auto const first = static_cast<std::size_t>(group_offset[static_cast<std::size_t>(g)]);
        auto const last = static_cast<std::size_t>(group_offset[static_cast<std::size_t>(g) + 1]);
        return Members{member.subspan(first, last - first),
                       weight.empty() ? nullptr : weight.data() + first};
    });
}

}  // namespace epsim
