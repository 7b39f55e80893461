#include "layer/layer_bounds.hpp"

#include <algorithm>
#include <functional>

#include "model/formulas.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Array<int64_t, 2> times(Array<int64_t, 2> counts, int64_t bytes) {
    for (auto& n : counts.flat()) n *= bytes;
    return counts;
}

void add(Array<int64_t, 2>& to, Array<int64_t, 2> const& more) {
    std::ranges::transform(to.flat(), more.flat(), to.flat().begin(), std::plus<>());
}

Array<int64_t, 2> transposed(Array<int64_t, 2> const& a) {
    Array<int64_t, 2> result({a.extent(1), a.extent(0)});
    for (int64_t i = 0; i < a.extent(0); ++i)
        for (int64_t j = 0; j < a.extent(1); ++j) result(j, i) = a(i, j);
    return result;
}

/// Sizes of one layer's rows and networks.
class Sizes {
public:
    explicit Sizes(LayerSpec const& s)
        : dispatch_row(static_cast<double>(row_bytes(s.wire_dtype, s.shape.hidden))),
          combine_row(static_cast<double>(row_bytes(s.combine_dtype, s.shape.hidden))),
          model_row(static_cast<double>(row_bytes(s.dtype, s.shape.hidden))),
          expert(static_cast<double>(expert_bytes(s.shape, s.dtype))),
          local(static_cast<double>(replicated_params(s.shape) * bytes_of(s.dtype))),
          pair_flops(static_cast<double>(epsim::pair_flops(s.shape))),
          local_flops(static_cast<double>(token_flops(s.shape)) - s.shape.top_k * pair_flops),
          local_networks(int{s.has_shared()} + int{s.has_dense_residual()}) {}

    double dispatch_row, combine_row, model_row;  // bytes
    double expert, local;                         // bytes of weights
    double pair_flops, local_flops;               // of a row, of a token
    int local_networks;
};

LocalWork expert_work(Sizes const& size, double entries, double rows, double tokens,
                      double active_slots) {
    double const local_tokens = size.local_networks > 0 ? tokens : 0;
    return {entries * size.pair_flops + local_tokens * size.local_flops,
            active_slots * size.expert + rows * size.dispatch_row +
                (local_tokens > 0 ? size.local + local_tokens * size.model_row : 0),
            entries * size.combine_row + local_tokens * size.local_networks * size.model_row};
}

}  // namespace

LayerBounds layer_bounds(MachineLimits const& limits, LayerSpec const& spec,
                         std::string_view algorithm, LayerWork const& work) {
    auto const ranks = work.tokens.size();
    Sizes const size(spec);
    auto const inside = exchange_schedule(algorithm, work.counts).inside;
    std::vector<LocalWork> permute(ranks), expert(ranks), unpermute(ranks);
    for (std::size_t r = 0; r < ranks; ++r) {
        double sent = 0, received = 0;
        for (std::size_t peer = 0; peer < ranks; ++peer) {
            sent += static_cast<double>(work.rows.front()(r, peer));
            received += static_cast<double>(work.rows.back()(peer, r));
        }
        auto const tokens = static_cast<double>(work.tokens[r]);
        permute[r] = {0, static_cast<double>(work.read_tokens[r]) * size.model_row,
                      (inside == Inside::gathered ? tokens : sent) * size.dispatch_row};
        expert[r] = expert_work(size, static_cast<double>(work.assignments[r]), received, tokens,
                                static_cast<double>(work.active_slots[r]));
        unpermute[r] = {0, sent * size.combine_row, tokens * size.model_row};
    }

    LayerBounds bounds;
    bounds.least.fill(nan);
    auto const set = [&](Phase phase, LowerBound bound, LowerBound least) {
        auto const p = static_cast<std::size_t>(phase);
        bounds.bound[p] = bound;
        // Both round. Where nothing has to move, nothing takes no time.
        if (bound.exists())
            bounds.least[p] = least.exists() ? std::min(least.seconds, bound.seconds) : 0;
    };
    auto const set_local = [&](Phase phase, LowerBound bound) { set(phase, bound, bound); };
    auto const set_exchange = [&](Phase phase, Direction direction, int64_t row_bytes) {
        bool const there = direction == Direction::dispatch;
        std::vector<Array<int64_t, 2>> hops;
        for (std::size_t h = 0; h < work.rows.size(); ++h) {
            auto rows = work.rows[h];
            if (there || returns_padding(algorithm)) add(rows, work.padding[h]);
            hops.push_back(times(std::move(rows), row_bytes));
        }
        if (!there) {
            std::ranges::reverse(hops);
            for (auto& bytes : hops) bytes = transposed(bytes);
        }
        set(phase,
            limits.exchange(
                exchange_schedule(there ? algorithm : return_algorithm(algorithm), hops)),
            limits.least_exchange(
                {times(work.distinct.rank, row_bytes), times(work.distinct.node, row_bytes)},
                direction));
    };
    set_local(Phase::counts,
              limits.exchange(counts_schedule(algorithm, work.counts, work.entries)));
    bool const fused = one_pass(algorithm);
    if (!fused) set_local(Phase::permute, limits.local(permute, spec.dtype));
    set_exchange(Phase::dispatch, Direction::dispatch,
                 row_bytes(spec.wire_dtype, spec.shape.hidden));
    set_local(Phase::expert, limits.local(expert, spec.dtype));
    set_exchange(Phase::combine, Direction::combine,
                 row_bytes(spec.combine_dtype, spec.shape.hidden));
    if (!fused) set_local(Phase::unpermute, limits.local(unpermute, spec.dtype));
    return bounds;
}

}  // namespace epsim
