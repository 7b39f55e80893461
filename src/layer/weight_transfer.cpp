#include "layer/weight_transfer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "comm/mpi_session.hpp"
#include "core/cast.hpp"

namespace epsim {
namespace {

constexpr std::size_t most_bytes = 1 << 30;  // of a message: MPI counts to 2^31

/// Calls work(part) for parts of at most most_bytes.
template <class Work>
void in_messages(std::span<std::byte> bytes, Work&& work) {
    while (!bytes.empty()) {
        auto const part = bytes.first(std::min(bytes.size(), most_bytes));
        work(part);
        bytes = bytes.subspan(part.size());
    }
}

}  // namespace

WeightTransfer::WeightTransfer(Communicator const& channel, ExpertKernel& experts,
                               Placement const& slots)
    : channel_(channel), experts_(experts), slots_(slots) {
    auto const mine = slots.experts_of(LayerId{0}, channel.rank());
    std::string layout;  // of a rank without slots: none
    if (!mine.empty()) {
        for (auto const& part : experts.slot_weights(0, 0)) slot_bytes_ += std::ssize(part);
        layout = fmt::format("{}, {} bytes", experts.weights_layout(), slot_bytes_);
    }
    bool const missing = !channel.all_agree(mine.empty() || slot_bytes_ > 0);
    auto const all = channel.all_gather(layout);
    on_all_ranks(channel, [&] {
        if (missing)
            throw InputError(
                "placement.rebalance moves weights between hosts' memories (this kernel keeps none "
                "there). Use compute.device = cpu without compute.emulate_us");
        auto const first = std::ranges::find_if(all, [](auto const& l) { return !l.empty(); });
        for (auto const& other : all)
            if (!other.empty() && other != *first)
                throw InputError(fmt::format(
                    "placement.rebalance between ranks whose weights lie differently ({}; {}). Use "
                    "compute.kernel = reference, or hosts of one kind",
                    *first, other));
    });
}

std::vector<std::span<std::byte>> WeightTransfer::weights(int layer, SlotId slot) {
    auto const first = slots_.rank_slot_offset()[static_cast<std::size_t>(index(channel_.rank()))];
    return experts_.slot_weights(layer, index(slot) - first);
}

void WeightTransfer::reserve(std::span<WeightMove const> moves) {
    int64_t const arriving =
        std::ranges::count_if(moves, [&](auto const& move) { return is_mine(move.destination); });
    if (int64_t const bytes = checked_multiply(arriving, slot_bytes_, "weights that move");
        bytes > staging_.bytes())
        staging_ = HostBlock(bytes);
    moves_.reserve(moves.size());
    requests_.reserve(2 * moves.size());
}

void WeightTransfer::begin(std::span<WeightMove const> moves) {
    check(!is_running(), "one transfer of weights at a time");
    reserve(moves);
    moves_.assign(moves.begin(), moves.end());
    std::size_t arrivals = 0;
    // Every rank goes through the moves in their order: messages of a pair meet without a number.
    for (auto const& move : moves_) {
        bool const arrives = is_mine(move.destination), leaves = is_mine(move.source);
        auto* to = arrives ? arrival(arrivals++) : nullptr;
        if (arrives == leaves) continue;
        auto const other = index(slots_.rank_of(arrives ? move.source : move.destination));
        for (auto const& matrix : weights(move.layer, arrives ? move.destination : move.source)) {
            auto* const memory = arrives ? to : matrix.data();
            in_messages({memory, matrix.size()}, [&](auto part) {
                int const n = narrow<int>(part.size());
                auto* const request = &requests_.emplace_back();
                check_mpi(
                    arrives
                        ? MPI_Irecv(part.data(), n, MPI_BYTE, other, 0, channel_.native(), request)
                        : MPI_Isend(part.data(), n, MPI_BYTE, other, 0, channel_.native(), request),
                    arrives ? "MPI_Irecv" : "MPI_Isend");
            });
            if (arrives) to += matrix.size();
        }
        (arrives ? received_ : sent_) += slot_bytes_;
    }
}

void WeightTransfer::finish() {
    check_mpi(MPI_Waitall(narrow<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE),
              "MPI_Waitall");
    requests_.clear();
    // First what comes from own slots, while these still hold it.
    std::size_t arrivals = 0;
    for (auto const& move : moves_) {
        if (!is_mine(move.destination)) continue;
        auto* to = arrival(arrivals++);
        if (!is_mine(move.source)) continue;
        for (auto const& matrix : weights(move.layer, move.source)) {
            std::memcpy(to, matrix.data(), matrix.size());
            to += matrix.size();
        }
    }
    arrivals = 0;
    for (auto const& move : moves_) {
        if (!is_mine(move.destination)) continue;
        auto const* from = arrival(arrivals++);
        for (auto const& matrix : weights(move.layer, move.destination)) {
            std::memcpy(matrix.data(), from, matrix.size());
            from += matrix.size();
        }
    }
    moves_.clear();
}

}  // namespace epsim
