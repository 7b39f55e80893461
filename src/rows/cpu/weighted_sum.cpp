#include <algorithm>

#include "core/simd.hpp"
#include "rows/cpu/lanes.hpp"
#include "rows/cpu/row_checks.hpp"
#include "rows/permute.hpp"

namespace epsim {
namespace {

constexpr int64_t line = 64;                   // bytes
constexpr int64_t block = 2 * Lanes::columns;  // whose sums stay in registers
constexpr int64_t staged = 8 * block;          // columns that are streamed at once
constexpr int64_t ahead = 8192;                // bytes, see prefetch_block

/// Where rows lie: one after the other, or each for itself.
struct Rows {
    DType type;
    int64_t width;
    std::byte const* data;
    std::byte const* const* place;  ///< null = one after the other

    explicit Rows(BufferView in) : type(in.type), width(in.width), data(in.data), place(nullptr) {}
    Rows(std::span<std::byte const* const> row, DType t, int64_t w)
        : type(t), width(w), data(nullptr), place(row.data()) {}

    template <class In>
    In const* row(int32_t i) const {
        return reinterpret_cast<In const*>(
            place ? place[i] : data + i * width * static_cast<int64_t>(sizeof(In)));
    }
};

/// Rows to add up.
struct Members {
    std::span<int32_t const> row;
    float const* weight;  ///< null = all one

    float weight_of(std::size_t i) const { return weight ? weight[i] : 1.0f; }
};

/// Fetches a block of each row: `ahead` of the one at `first`, or a whole row where that is less;
/// past the end of these rows, the next sum's. Into L2: nearer, 8 rows side by side, which may
/// begin at the same place of a page, would drive each other out.
template <class In>
[[gnu::always_inline]] inline void prefetch_block(Rows const& in, Members const& members,
                                                  Members const& next, int64_t first) {
    constexpr int64_t size = sizeof(In);
    int64_t const place = first + std::min(in.width, ahead / size);
    bool const here = place < in.width;
    for (int32_t const row : (here ? members : next).row) {
        if (row < 0) continue;
        auto const* x =
            reinterpret_cast<std::byte const*>(in.row<In>(row) + (here ? place : place - in.width));
        for (int64_t b = 0; b < block * size; b += line) __builtin_prefetch(x + b, 0, 2);
    }
}

/// Columns [first, first + n x Lanes::columns) of one sum.
template <int n, class In, class Out>
[[gnu::always_inline]] inline void sum_lanes(Rows const& in, Members const& members, int64_t first,
                                             Out* out) {
    Lanes sum[n] = {};
    for (std::size_t i = 0; i < members.row.size(); ++i) {
        if (members.row[i] < 0) continue;
        In const* x = in.row<In>(members.row[i]) + first;
        float const w = members.weight_of(i);
        for (int l = 0; l < n; ++l) {
            Lanes const lanes = load_lanes(x + l * Lanes::columns);
            sum[l].a += w * lanes.a;
            sum[l].b += w * lanes.b;
        }
    }
    for (int l = 0; l < n; ++l) store_lanes(reorder<In, Out>(sum[l]), out + l * Lanes::columns);
}

/// As sum_lanes, of n < Lanes::columns columns.
template <class In, class Out>
[[gnu::always_inline]] inline void sum_rest(Rows const& in, Members const& members, int64_t first,
                                            int64_t n, Out* out) {
    float sum[Lanes::columns] = {};
    for (std::size_t i = 0; i < members.row.size(); ++i) {
        if (members.row[i] < 0) continue;
        In const* x = in.row<In>(members.row[i]) + first;
        float const w = members.weight_of(i);
        for (int64_t j = 0; j < n; ++j) sum[j] += w * to_float(x[j]);
    }
    for (int64_t j = 0; j < n; ++j) out[j] = from_float<Out>(sum[j]);
}

/// How many elements of out to stage first, so that all further pieces begin with a line: pieces of
/// lines cost as much as lines.
template <class Out>
int64_t first_piece(Out const* out) {
    auto const past_line = static_cast<int64_t>(reinterpret_cast<uintptr_t>(out) % line);
    return staged - past_line / int64_t{sizeof(Out)};
}

/// One sum, while the next one's rows are fetched.
template <class In, class Out>
EPSIM_SIMD_CLONES void sum_members(Rows const& in, Members const& members, Members const& next,
                                   bool streaming, Out* out) {
    constexpr int64_t columns = Lanes::columns;
    alignas(line) Out stage[staged];
    int64_t piece = streaming ? first_piece(out) : in.width;
    for (int64_t first = 0; first < in.width; first += piece, piece = staged) {
        int64_t const n = std::min(piece, in.width - first);
        Out* const to = streaming ? stage : out + first;
        int64_t j = 0;
        for (; j + block <= n; j += block) {
            prefetch_block<In>(in, members, next, first + j);
            sum_lanes<block / columns, In>(in, members, first + j, to + j);
        }
        if (j < n) prefetch_block<In>(in, members, next, first + j);
        for (; j + columns <= n; j += columns) sum_lanes<1, In>(in, members, first + j, to + j);
        if (j < n) sum_rest<In>(in, members, first + j, n - j, to + j);
        if (streaming)
            stream_bytes(reinterpret_cast<std::byte const*>(stage),
                         reinterpret_cast<std::byte*>(out + first), n * int64_t{sizeof(Out)});
    }
}

/// \param count of rows read   \param members_of a row of out
template <class MembersOf>
void sum_all(Rows const& in, int64_t count, BufferView out, Stores stores, MembersOf members_of) {
    check_computes(in.type);
    check_computes(out.type);
    bool const streaming = streams(stores, count * row_bytes(in.type, in.width) + out.bytes());
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
    sum_all(Rows(in), size_of(assignment_row), out, stores, [&](int64_t t) {
        auto const first = static_cast<std::size_t>(t * top_k);
        return Members{assignment_row.subspan(first, static_cast<std::size_t>(top_k)),
                       weight.empty() ? nullptr : &weight[first]};
    });
}

namespace {

void sum_groups(Rows const& in, std::span<int64_t const> group_offset,
                std::span<int32_t const> member, std::span<float const> weight, BufferView out,
                Stores stores) {
    check(size_of(group_offset) == out.rows + 1, "offsets are one more than groups");
    check(group_offset.front() >= 0 && group_offset.back() <= size_of(member),
          "groups lie outside of their members");
    check(weight.empty() || weight.size() == member.size(),
          "weights differ from members in number");
    sum_all(in, group_offset.back() - group_offset.front(), out, stores, [&](int64_t g) {
        auto const first = static_cast<std::size_t>(group_offset[static_cast<std::size_t>(g)]);
        auto const last = static_cast<std::size_t>(group_offset[static_cast<std::size_t>(g) + 1]);
        return Members{member.subspan(first, last - first),
                       weight.empty() ? nullptr : weight.data() + first};
    });
}

}  // namespace

void weighted_sum_groups(BufferView in, std::span<int64_t const> group_offset,
                         std::span<int32_t const> member, std::span<float const> weight,
                         BufferView out, Stores stores) {
    check_rows(in, out);
    sum_groups(Rows(in), group_offset, member, weight, out, stores);
}

void weighted_sum_groups_of(std::span<std::byte const* const> row, DType type,
                            std::span<int64_t const> group_offset, std::span<int32_t const> member,
                            std::span<float const> weight, BufferView out, Stores stores) {
    check(out.device == DeviceKind::cpu, "rows are not on the host");
    sum_groups(Rows(row, type, out.width), group_offset, member, weight, out, stores);
}

}  // namespace epsim
