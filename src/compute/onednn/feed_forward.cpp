#include "compute/onednn/feed_forward.hpp"

#include <algorithm>
#include <cstring>

#include "compute/activation.hpp"
#include "core/error.hpp"
#include "core/simd.hpp"
#include "rows/permute.hpp"

namespace epsim::onednn {
namespace {

constexpr int64_t longest_piece = 256;  // rows of one product: more are no faster each

template <Activation A, class T>
EPSIM_SIMD_CLONES void activate_row(float const* gate, float const* up, int64_t n, T* out) {
    for (int64_t j = 0; j < n; ++j) out[j] = from_float<T>(epsim::activate<A>(gate[j], up[j]));
}

BufferView slice(BufferView view, int64_t first, int64_t last) {
    return {view.row(first), view.type, last - first, view.width, view.device};
}

bool consecutive(std::span<int32_t const> entries) {
    return std::ranges::adjacent_find(entries, [](int32_t a, int32_t b) { return b != a + 1; }) ==
           entries.end();
}

/// f(first, last) for equal parts of [0, n), one a thread.
template <class F>
void in_parts(int64_t n, int threads, F const& f) {
    if (threads == 1) return f(0, n);  // OpenMP allocates a team for one thread, every time
#pragma omp parallel for schedule(static, 1)
    for (int p = 0; p < threads; ++p) f(n * p / threads, n * (p + 1) / threads);
}

std::span<int32_t const> part(std::span<int32_t const> entries, int64_t first, int64_t last) {
    return entries.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
}

int64_t in_columns(FeedForwardSpec const& spec) {
    return is_gated(spec.activation) ? 2 * int64_t{spec.intermediate} : spec.intermediate;
}

/// Of the down product: an fp32 product has no other.
DType down_out_type(FeedForwardSpec const& spec) {
    return spec.dtype == DType::f32 ? DType::f32 : spec.out_dtype;
}

}  // namespace

FeedForward::FeedForward(FeedForwardSpec const& spec, dnnl::engine const& engine, int threads)
    : spec_(spec),
      threads_(threads),
      engine_(engine),
      stream_(engine),
      in_type_(spec.in_dtype == spec.dtype ? spec.dtype : DType::f32),
      in_ladder_(engine, spec.hidden, in_columns(spec), in_type_, DType::f32),
      down_ladder_(engine, spec.intermediate, spec.hidden, spec.dtype, down_out_type(spec)),
      x_(in_type_, spec.hidden),
      inner_(DType::f32, in_columns(spec)),
      active_(spec.dtype, spec.intermediate),
      y_(down_out_type(spec), spec.hidden),
      scratch_(DType::f32, 1) {}

NetworkMaker FeedForward::network_maker() const {
    return {spec_, in_type_, engine_, in_ladder_.weights(), down_ladder_.weights()};
}

void FeedForward::prepare(int64_t rows) {
    int64_t const longest = ladder_rows(std::min(rows, longest_piece));
    if (longest <= in_ladder_.largest()) return;
    in_ladder_.prepare(longest);
    down_ladder_.prepare(longest);
    for (auto* buffer : {&x_, &inner_, &active_, &y_}) {
        buffer->reserve(longest);
        // Rows that pad a product are read too, though what they give is never used.
        std::memset(buffer->rows(longest).data, 0,
                    static_cast<std::size_t>(buffer->rows(longest).bytes()));
    }
    int64_t const scratch = std::max(in_ladder_.scratch_bytes(), down_ladder_.scratch_bytes());
    scratch_.reserve(scratch / bytes_of(DType::f32) + 1);
}

void FeedForward::run(Network const& network, Entries entries, BufferView in, BufferView out) {
    auto const largest = static_cast<std::size_t>(in_ladder_.largest());
    check(entries.size() == 0 || largest > 0, "a kernel runs before it is prepared");
    for (std::size_t pieces = largest ? (entries.size() + largest - 1) / largest : 0; pieces > 0;
         --pieces) {
        std::size_t const n = (entries.size() + pieces - 1) / pieces;
        run_piece(network, entries.first(n), in, out);
        entries = entries.from(n);
    }
}

void FeedForward::run_piece(Network const& network, Entries const& entries, BufferView in,
                            BufferView out) {
    auto const count = static_cast<int64_t>(entries.size());
    int64_t const rows = ladder_rows(count);
    std::byte* const scratch = scratch_.rows(1).data;
    in_ladder_.run(stream_, rows, gathered(entries.row, rows, in), network.in,
                   inner_.rows(rows).data, scratch);
    activate(count);
    std::byte* const a = active_.rows(rows).data;
    bool const in_place =
        out.type == y_.rows(1).type && rows == count && consecutive(entries.result);
    down_ladder_.run(stream_, rows, a, network.down,
                     in_place ? out.row(entries.result.front()) : y_.rows(rows).data, scratch);
    if (!in_place) scatter(entries.result, out);
}

/// The entries' rows one after the other, and what lies behind them up to `rows` rows.
std::byte* FeedForward::gathered(std::span<int32_t const> rows_read, int64_t rows, BufferView in) {
    bool const same_type = in.type == in_type_;
    if (same_type && rows_read.front() + rows <= in.rows && consecutive(rows_read))
        return in.row(rows_read.front());
    BufferView const x = x_.rows(rows);
    in_parts(std::ssize(rows_read), threads_, [&](int64_t first, int64_t last) {
        auto const index = part(rows_read, first, last);
        if (same_type) return gather_rows(in, index, slice(x, first, last));
        weighted_sum_rows(in, index, {}, 1,
                          slice(x, first, last));  // the sum of one row converts it
    });
    return x.data;
}

void FeedForward::activate(int64_t rows) {
    BufferView const inner = inner_.rows(rows), active = active_.rows(rows);
    dispatch_activation(spec_.activation, [&](auto activation) {
        dispatch_dtype(active.type, [&]<class T>(T) {
            in_parts(rows, threads_, [&](int64_t first, int64_t last) {
                for (int64_t r = first; r < last; ++r) {
                    float const* gate = inner.as<float>() + r * inner.width;
                    float const* up = gate + inner.width - active.width;
                    activate_row<activation()>(gate, up, active.width,
                                               active.as<T>() + r * active.width);
                }
            });
        });
    });
}

void FeedForward::scatter(std::span<int32_t const> results, BufferView out) {
    BufferView const y = y_.rows(std::ssize(results));
    in_parts(y.rows, threads_, [&](int64_t first, int64_t last) {
        if (y.type == out.type)
            return scatter_rows(slice(y, first, last), part(results, first, last), out);
        for (int64_t r = first; r < last; ++r)
            std::transform(y.as<float>() + r * y.width, y.as<float>() + (r + 1) * y.width,
                           out.as<bf16>() + results[static_cast<std::size_t>(r)] * out.width,
                           to_bf16);
    });
}

}  // namespace epsim::onednn
