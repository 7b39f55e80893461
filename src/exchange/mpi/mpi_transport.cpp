#include "exchange/mpi/mpi_transport.hpp"

#include <fmt/ranges.h>

#include <cstring>
#include <map>
#include <vector>

#include "core/cast.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim {
namespace {

class MpiTransport : public Transport {
public:
    explicit MpiTransport(Communicator const& comm) : comm_(comm) {}

    int ranks() const override { return comm_.size(); }

    void all_to_all(std::span<int32_t const> send, std::span<int32_t> receive) override {
        check_mpi(MPI_Alltoall(send.data(), 1, MPI_INT32_T, receive.data(), 1, MPI_INT32_T,
                               comm_.native()),
                  "MPI_Alltoall");
    }

protected:
    MPI_Datatype row_type(int64_t bytes) {
        return types_.try_emplace(bytes, bytes).first->second.native();
    }
    Communicator const& comm_;
    ReceiveMemory memory_;

private:
    std::map<int64_t, RowType> types_;  // by row size: a handful, made on first use
};

class AlltoallvTransport final : public MpiTransport {
public:
    explicit AlltoallvTransport(Communicator const& comm) : MpiTransport(comm) {
        auto const ranks = static_cast<std::size_t>(comm.size());
        for (auto* list : {&send_count_, &send_at_, &receive_count_, &receive_at_})
            list->resize(ranks);
    }

    std::byte* all_to_all_rows(Lane lane, std::byte const* send,
                               std::span<int64_t const> send_offset,
                               std::span<int64_t const> receive_offset,
                               int64_t row_bytes) override {
        std::byte* const receive = memory_.reserve(lane, receive_offset.back() * row_bytes);
        to_counts(send_offset, send_count_, send_at_);
        to_counts(receive_offset, receive_count_, receive_at_);
        MPI_Datatype const row = row_type(row_bytes);
        check_mpi(MPI_Alltoallv(send, send_count_.data(), send_at_.data(), row, receive,
                                receive_count_.data(), receive_at_.data(), row, comm_.native()),
                  "MPI_Alltoallv");
        return receive;
    }

private:
    static void to_counts(std::span<int64_t const> offset, std::vector<int>& count,
                          std::vector<int>& at) {
        for (std::size_t r = 0; r < count.size(); ++r) {
            count[r] = narrow<int>(offset[r + 1] - offset[r]);
            at[r] = narrow<int>(offset[r]);
        }
    }

    std::vector<int> send_count_, send_at_, receive_count_, receive_at_;
};

/// ring_schedule(), one round after the other.
class RingTransport final : public MpiTransport {
public:
    using MpiTransport::MpiTransport;

    std::byte* all_to_all_rows(Lane lane, std::byte const* send,
                               std::span<int64_t const> send_offset,
                               std::span<int64_t const> receive_offset,
                               int64_t row_bytes) override {
        std::byte* const receive = memory_.reserve(lane, receive_offset.back() * row_bytes);
        MPI_Datatype const row = row_type(row_bytes);
        int const ranks = comm_.size(), mine = index(comm_.rank());
        for (int i = 0; i < ranks; ++i) {
            auto const to = static_cast<std::size_t>((mine + i) % ranks);
            auto const from = static_cast<std::size_t>((mine + ranks - i) % ranks);
            auto const out = narrow<int>(send_offset[to + 1] - send_offset[to]);
            auto const in = narrow<int>(receive_offset[from + 1] - receive_offset[from]);
            auto const* out_rows = send + send_offset[to] * row_bytes;
            auto* in_rows = receive + receive_offset[from] * row_bytes;
            if (i == 0) {
                if (out > 0)
                    std::memcpy(in_rows, out_rows, static_cast<std::size_t>(out * row_bytes));
                continue;
            }
            auto const partner = [](int rows, std::size_t rank) {
                return rows > 0 ? static_cast<int>(rank) : MPI_PROC_NULL;
            };
            check_mpi(MPI_Sendrecv(out_rows, out, row, partner(out, to), tag, in_rows, in, row,
                                   partner(in, from), tag, comm_.native(), MPI_STATUS_IGNORE),
                      "MPI_Sendrecv");
        }
        return receive;
    }

private:
    static constexpr int tag = 2;
};

}  // namespace

std::unique_ptr<Transport> make_mpi_transport(Communicator const& comm,
                                              std::string_view algorithm) {
    if (algorithm == "alltoallv") return std::make_unique<AlltoallvTransport>(comm);
    if (algorithm == "ring") return std::make_unique<RingTransport>(comm);
    throw InputError(
        fmt::format("exchange.algorithm = '{}' is not known over MPI (known: {}). "
                    "Choose one",
                    algorithm, fmt::join(exchange_algorithms(), ", ")));
}

}  // namespace epsim
