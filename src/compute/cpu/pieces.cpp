#include "compute/cpu/pieces.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace epsim::cpu {
namespace {

/// Of the time that equal shares would take: what the last thread may need more.
constexpr double tolerated = 1.03;

}  // namespace

void Pieces::reserve(int64_t slots, int64_t entries, int64_t longest) {
    pieces_.reserve(static_cast<std::size_t>(slots + entries / longest));
}

void Pieces::divide(std::span<int64_t const> slot_offset, int64_t longest) {
    pieces_.clear();
    together_ = 0;
    for (std::size_t s = 0; s + 1 < slot_offset.size(); ++s) {
        int64_t const rows = slot_offset[s + 1] - slot_offset[s];
        int64_t const n = (rows + longest - 1) / longest;
        for (int64_t i = 0; i < n; ++i)
            pieces_.push_back({s, rows * i / n, rows * (i + 1) / n - rows * i / n});
    }
    std::size_t const threads = load_.size(), all = pieces_.size();
    if (threads == 1) return;
    std::ranges::sort(pieces_, {},
                      [](Piece const& p) { return std::tuple(-p.rows, p.slot, p.first); });
    double const equal = makespan(all);
    for (std::size_t const together : {std::size_t{0}, std::size_t{1}, all % threads, threads}) {
        together_ = together;
        if (together <= all && makespan(together) <= tolerated * equal) return;
    }
    together_ = all;
}

/// Each piece done alone goes to the thread that is done first (Graham, "Bounds on multiprocessing
/// timing anomalies", SIAM J. Appl. Math. 17(2), 1969: longest first).
double Pieces::makespan(std::size_t together) {
    std::ranges::fill(load_, 0);
    for (auto const& piece : std::span(pieces_).subspan(together))
        *std::ranges::min_element(load_) += cost(piece);
    auto const first = std::span(pieces_).first(together);
    auto const shared = std::accumulate(first.begin(), first.end(), int64_t{0},
                                        [&](int64_t sum, Piece const& p) { return sum + cost(p); });
    return static_cast<double>(std::ranges::max(load_)) +
           static_cast<double>(shared) / static_cast<double>(load_.size());
}

}  // namespace epsim::cpu
