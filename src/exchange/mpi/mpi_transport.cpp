#include "exchange/mpi/mpi_transport.hpp"

#include <map>
#include <vector>

#include "core/cast.hpp"

namespace epsim {
namespace {

class MpiTransport final : public Transport {
public:
    explicit MpiTransport(Communicator const& comm) : comm_(comm) {
        auto const ranks = static_cast<std::size_t>(comm.size());
        for (auto* list : {&send_count_, &send_at_, &receive_count_, &receive_at_})
            list->resize(ranks);
    }

    int ranks() const override { return comm_.size(); }

    void all_to_all(std::span<int32_t const> send, std::span<int32_t> receive) override {
        check_mpi(MPI_Alltoall(send.data(), 1, MPI_INT32_T, receive.data(), 1, MPI_INT32_T,
                               comm_.native()),
                  "MPI_Alltoall");
    }

    void all_to_all_rows(std::byte const* send, std::span<int64_t const> send_offset,
                         std::byte* receive, std::span<int64_t const> receive_offset,
                         int64_t row_bytes) override {
        to_counts(send_offset, send_count_, send_at_);
        to_counts(receive_offset, receive_count_, receive_at_);
        MPI_Datatype const row = types_.try_emplace(row_bytes, row_bytes).first->second.native();
        check_mpi(MPI_Alltoallv(send, send_count_.data(), send_at_.data(), row, receive,
                                receive_count_.data(), receive_at_.data(), row, comm_.native()),
                  "MPI_Alltoallv");
    }

private:
    static void to_counts(std::span<int64_t const> offset, std::vector<int>& count,
                          std::vector<int>& at) {
        for (std::size_t r = 0; r < count.size(); ++r) {
            count[r] = narrow<int>(offset[r + 1] - offset[r]);
            at[r] = narrow<int>(offset[r]);
        }
    }

    Communicator const& comm_;
    std::map<int64_t, RowType> types_;  // by row size: a handful, made on first use
    std::vector<int> send_count_, send_at_, receive_count_, receive_at_;
};

}  // namespace

std::unique_ptr<Transport> make_mpi_transport(Communicator const& comm) {
    return std::make_unique<MpiTransport>(comm);
}

}  // namespace epsim
