#include "exchange/mpi/persistent_transport.hpp"

#include <algorithm>
#include <exception>

#include "core/cast.hpp"

namespace epsim {

PersistentTransport::PersistentTransport(Communicator const& comm) : MessageTransport(comm) {
    auto const ranks = static_cast<std::size_t>(comm.size());
    for (auto& requests : lanes_) {
        requests.all.reserve(2 * ranks);
        for (auto* offset : {&requests.send_offset, &requests.receive_offset})
            offset->resize(ranks + 1);
    }
}

PersistentTransport::~PersistentTransport() {
    // While an exception unwinds, messages may still fly: leave the requests to the abort.
    if (std::uncaught_exceptions() > 0) return;
    for (auto& requests : lanes_) free(requests);
}

std::byte* PersistentTransport::all_to_all_rows(Lane lane, std::byte const* send,
                                                std::span<int64_t const> send_offset,
                                                std::span<int64_t const> receive_offset,
                                                int64_t row_bytes) {
    std::byte* const receive = reserve(lane, receive_offset.back() * row_bytes);
    auto& requests = lanes_[static_cast<std::size_t>(lane)];
    bool const same = requests.send == send && requests.receive == receive &&
                      requests.row_bytes == row_bytes &&
                      std::ranges::equal(requests.send_offset, send_offset) &&
                      std::ranges::equal(requests.receive_offset, receive_offset);
    if (!same) {
        free(requests);
        requests.send = send;
        requests.receive = receive;
        requests.row_bytes = row_bytes;
        std::ranges::copy(send_offset, requests.send_offset.begin());
        std::ranges::copy(receive_offset, requests.receive_offset.begin());
        make(requests);
    }
    int const count = narrow<int>(requests.all.size());
    check_mpi(MPI_Startall(count, requests.all.data()), "MPI_Startall");
    copy_own(send, send_offset, receive, receive_offset, row_bytes);
    check_mpi(MPI_Waitall(count, requests.all.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
    return receive;
}

void PersistentTransport::make(Requests& requests) {
    ++times_made_;
    auto const row = row_type(requests.row_bytes);
    auto const& in_at = requests.receive_offset;
    auto const& out_at = requests.send_offset;
    for (int i = 1; i < ranks(); ++i) {
        auto const from = static_cast<std::size_t>((rank() + ranks() - i) % ranks());
        auto const in = narrow<int>(in_at[from + 1] - in_at[from]);
        if (in > 0)
            check_mpi(MPI_Recv_init(requests.receive + in_at[from] * requests.row_bytes, in, row,
                                    static_cast<int>(from), tag, comm(),
                                    &requests.all.emplace_back(MPI_REQUEST_NULL)),
                      "MPI_Recv_init");
    }
    for (int i = 1; i < ranks(); ++i) {
        auto const to = static_cast<std::size_t>((rank() + i) % ranks());
        auto const out = narrow<int>(out_at[to + 1] - out_at[to]);
        if (out > 0)
            check_mpi(MPI_Send_init(requests.send + out_at[to] * requests.row_bytes, out, row,
                                    static_cast<int>(to), tag, comm(),
                                    &requests.all.emplace_back(MPI_REQUEST_NULL)),
                      "MPI_Send_init");
    }
}

void PersistentTransport::free(Requests& requests) {
    for (auto& request : requests.all) MPI_Request_free(&request);
    requests.all.clear();
}

}  // namespace epsim
