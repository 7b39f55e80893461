#include "exchange/mpi/alltoallv_transport.hpp"

#include "core/cast.hpp"

namespace epsim {
namespace {

void to_counts(std::span<int64_t const> offset, std::vector<int>& count, std::vector<int>& at) {
    for (std::size_t r = 0; r < count.size(); ++r) {
        count[r] = narrow<int>(offset[r + 1] - offset[r]);
        at[r] = narrow<int>(offset[r]);
    }
}

}  // namespace

AlltoallvTransport::AlltoallvTransport(Communicator const& comm) : MessageTransport(comm) {
    for (auto* list : {&send_count_, &send_at_, &receive_count_, &receive_at_})
        list->resize(static_cast<std::size_t>(comm.size()));
}

std::byte* AlltoallvTransport::all_to_all_rows(Lane lane, std::byte const* send,
                                               std::span<int64_t const> send_offset,
                                               std::span<int64_t const> receive_offset,
                                               int64_t row_bytes) {
    std::byte* const receive = reserve(lane, receive_offset.back() * row_bytes);
    to_counts(send_offset, send_count_, send_at_);
    to_counts(receive_offset, receive_count_, receive_at_);
    auto const row = row_type(row_bytes);
    check_mpi(MPI_Alltoallv(send, send_count_.data(), send_at_.data(), row, receive,
                            receive_count_.data(), receive_at_.data(), row, comm()),
              "MPI_Alltoallv");
    return receive;
}

}  // namespace epsim
