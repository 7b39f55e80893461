#include "compute/cpu/cpu_kernel.hpp"

#include <fmt/format.h>

#include <numeric>
#include <optional>

#include "compute/cpu/feed_forward.hpp"
#include "compute/cpu/pieces.hpp"
#include "compute/forward_checks.hpp"
#include "compute/thread_scope.hpp"
#include "compute/weights.hpp"
#include "core/cast.hpp"
#include "device/host_block.hpp"

namespace epsim {
namespace {

class CpuKernel final : public ExpertKernel {
public:
    CpuKernel(FeedForwardSpec const& spec, uint64_t seed,
              std::vector<std::vector<WeightKey>> const& keys, int threads, cpu::CpuLevel level)
        : spec_(spec),
          threads_(threads),
          slots_(keys.empty() ? 0 : keys[0].size()),
          feed_forward_(spec, level),
          pieces_(threads, feed_forward_.waiting_rows()),
          source_layer_(first_equal_layer(keys)),
          weights_(keys.size()) {
        auto const& layout = feed_forward_.layout();
        for (std::size_t layer = 0; layer < keys.size(); ++layer) {
            if (source_layer_[layer] != layer) continue;
            auto& memory = weights_[layer].emplace(
                checked_multiply(std::ssize(keys[layer]), layout.network_bytes(), "weights"));
            for (std::size_t s = 0; s < slots_; ++s)
                cpu::make_network(spec, layout, seed, keys[layer][s], network(memory, s));
        }
    }

    std::string_view name() const override { return "cpu"; }

    void prepare(int64_t rows, int64_t total) override {
        int64_t const longest = feed_forward_.longest_piece();
        pieces_.reserve(static_cast<int64_t>(slots_), total, longest);
        if (int64_t const piece = std::min(rows, longest); piece > prepared_rows_) {
            scratch_.clear();
            // One a thread, and one for what they do together.
            for (int i = 0; i < (threads_ == 1 ? 1 : threads_ + 1); ++i)
                scratch_.push_back(feed_forward_.make_scratch(piece));
            prepared_rows_ = piece;
        }
    }

    void forward(int layer, GroupedRows const& in, BufferView out, Stream&) override {
        auto const& memory = weights_.at(source_layer_.at(static_cast<std::size_t>(layer)));
        check_forward(spec_, slots_, in, out);
        pieces_.divide(in.slot_offset, feed_forward_.longest_piece());
        for (auto const& piece : pieces_.together()) check_prepared(piece);
        for (auto const& piece : pieces_.alone()) check_prepared(piece);
        auto const all = pieces_.alone();
        if (threads_ > 1) return run_in_threads(*memory, in, out);
        for (auto const& piece : all) run(piece, *memory, in, scratch_[0], out);
    }

    int64_t weight_bytes() const override {
        return std::accumulate(
            weights_.begin(), weights_.end(), int64_t{0},
            [](int64_t sum, auto const& m) { return sum + (m ? m->bytes() : 0); });
    }

    std::vector<std::span<std::byte>> slot_weights(int layer, int slot) override {
        auto const& memory = *weights_.at(source_layer_.at(static_cast<std::size_t>(layer)));
        return {{network(memory, static_cast<std::size_t>(slot)),
                 static_cast<std::size_t>(feed_forward_.layout().network_bytes())}};
    }

    std::string weights_layout() const override {
        auto const& layout = feed_forward_.layout();
        return fmt::format("cpu, products {} and {}", static_cast<int>(layout.in.product),
                           static_cast<int>(layout.down.product));
    }

private:
    std::byte* network(HostBlock const& memory, std::size_t slot) const {
        return memory.data() + static_cast<int64_t>(slot) * feed_forward_.layout().network_bytes();
    }

    void check_prepared(cpu::Piece const& piece) const {
        check(piece.rows <= prepared_rows_, "a kernel runs before it is prepared");
    }

    static Entries entries_in(cpu::Piece const& piece, GroupedRows const& in) {
        return entries_of(in, piece.slot)
            .from(static_cast<std::size_t>(piece.first))
            .first(static_cast<std::size_t>(piece.rows));
    }

    void run(cpu::Piece const& piece, HostBlock const& memory, GroupedRows const& in,
             cpu::FeedForward::Scratch& scratch, BufferView out) const {
        feed_forward_.run(network(memory, piece.slot), entries_in(piece, in), in.rows, scratch,
                          out);
    }

    void run_in_threads(HostBlock const& memory, GroupedRows const& in, BufferView out) {
        ThreadScope const scope(threads_);
        auto const together = pieces_.together(), alone = pieces_.alone();
#pragma omp parallel
        {
            cpu::Share const share{omp_get_thread_num(), omp_get_num_threads()};
            for (auto const& piece : together)
                run_share(share, piece, memory, in, scratch_.back(), out);
#pragma omp for schedule(dynamic, 1) nowait
            for (std::size_t i = 0; i < alone.size(); ++i)
                run(alone[i], memory, in, scratch_[static_cast<std::size_t>(share.index)], out);
        }
    }

    /// In each thread of a team. Steps need barriers between them; the next piece's rows may be
    /// gathered while others still project this one's, which reads other memory.
    void run_share(cpu::Share share, cpu::Piece const& piece, HostBlock const& memory,
                   GroupedRows const& in, cpu::FeedForward::Scratch& scratch,
                   BufferView out) const {
        auto const* const weights = network(memory, piece.slot);
        auto const entries = entries_in(piece, in);
        feed_forward_.gather(entries, in.rows, scratch, share);
#pragma omp barrier
        feed_forward_.activate(weights, piece.rows, scratch, share);
#pragma omp barrier
        feed_forward_.project(weights, entries, scratch, out, share);
    }

    FeedForwardSpec spec_;
    int threads_;
    std::size_t slots_;
    cpu::FeedForward feed_forward_;
    cpu::Pieces pieces_;
    int64_t prepared_rows_ = 0;
    std::vector<cpu::FeedForward::Scratch> scratch_;
    std::vector<std::size_t> source_layer_;          // whose weights a layer uses
    std::vector<std::optional<HostBlock>> weights_;  // [layers]; none where another's are
};

}  // namespace

std::unique_ptr<ExpertKernel> make_cpu_kernel(FeedForwardSpec const& spec, uint64_t seed,
                                              std::vector<std::vector<WeightKey>> const& keys,
                                              int threads, cpu::CpuLevel level) {
    if (level == cpu::CpuLevel::none)
        throw InputError(
            "compute.kernel = cpu has no products for this CPU (it lacks AVX-512). Use "
            "compute.kernel = auto, which takes what the CPU can run");
    ThreadScope const scope(threads);
    return std::make_unique<CpuKernel>(spec, seed, keys, threads, level);
}

}  // namespace epsim
