#include "exchange/nccl/nccl_transport.hpp"

#include <cstring>
#include <exception>
#include <string>

#include "comm/mpi_session.hpp"
#include "device/cuda/check.hpp"
#include "device/cuda/nccl.hpp"
#include "device/cuda/stream.hpp"
#include "exchange/hosted_transport.hpp"

namespace epsim {
namespace {

class NcclCommunicator {
public:
    explicit NcclCommunicator(Communicator const& comm) {
        std::string id(sizeof(ncclUniqueId), '\0');
        on_all_ranks(comm, [&] {
            nccl();  // every rank finds it, or none goes on
            if (!comm.is_root()) return;
            ncclUniqueId made;
            nccl().check(nccl().get_unique_id(&made), "ncclGetUniqueId");
            std::memcpy(id.data(), &made, sizeof made);
        });
        id = comm.broadcast(id);
        ncclUniqueId agreed;
        std::memcpy(&agreed, id.data(), sizeof agreed);
        nccl().check(nccl().init_rank(&comm_, comm.size(), agreed, index(comm.rank())),
                     "ncclCommInitRank");
    }
    ~NcclCommunicator() {
        // While an exception unwinds, the other ranks may not come here.
        std::uncaught_exceptions() > 0 ? nccl().abort(comm_) : nccl().destroy(comm_);
    }
    NcclCommunicator(NcclCommunicator const&) = delete;
    NcclCommunicator& operator=(NcclCommunicator const&) = delete;

    ncclComm_t native() const noexcept { return comm_; }

private:
    ncclComm_t comm_ = nullptr;
};

class NcclTransport final : public HostedTransport {
public:
    NcclTransport(std::shared_ptr<NcclCommunicator> comm, int rank, bool equal,
                  std::unique_ptr<Transport> host)
        : HostedTransport(std::move(host)), comm_(std::move(comm)), rank_(rank), equal_(equal) {}

    std::byte* move_rows(Lane lane, std::byte const* send, std::span<int64_t const> send_offset,
                         std::span<int64_t const> receive_offset, int64_t row_bytes) override {
        auto& memory = memory_[lane == Lane::dispatch ? 0 : 1];
        std::byte* const receive =
            memory.rows((receive_offset.back() * row_bytes + line - 1) / line).data;
        if (equal_)
            nccl().check(nccl().all_to_all(send, receive,
                                           static_cast<std::size_t>(send_offset[1] * row_bytes),
                                           ncclInt8, comm_->native(), stream_.native()),
                         "ncclAlltoAll", comm_->native());
        else
            grouped(send, send_offset, receive, receive_offset, row_bytes);
        stream_.synchronise();
        return receive;
    }

private:
    /// Both ends leave out what is nothing: a send without its receive would hang.
    void grouped(std::byte const* send, std::span<int64_t const> send_offset, std::byte* receive,
                 std::span<int64_t const> receive_offset, int64_t row_bytes) {
        auto const comm = comm_->native();
        auto const stream = stream_.native();
        auto const bytes = [&](std::span<int64_t const> offset, std::size_t r) {
            return static_cast<std::size_t>((offset[r + 1] - offset[r]) * row_bytes);
        };
        nccl().check(nccl().group_start(), "ncclGroupStart", comm);
        for (std::size_t r = 0; r + 1 < send_offset.size(); ++r) {
            auto const* const from = send + send_offset[r] * row_bytes;
            auto* const to = receive + receive_offset[r] * row_bytes;
            auto const peer = static_cast<int>(r);
            if (peer == rank_) continue;
            if (auto const n = bytes(send_offset, r); n > 0)
                nccl().check(nccl().send(from, n, ncclInt8, peer, comm, stream), "ncclSend", comm);
            if (auto const n = bytes(receive_offset, r); n > 0)
                nccl().check(nccl().receive(to, n, ncclInt8, peer, comm, stream), "ncclRecv", comm);
        }
        nccl().check(nccl().group_end(), "ncclGroupEnd", comm);
        auto const me = static_cast<std::size_t>(rank_);
        if (auto const n = bytes(send_offset, me); n > 0)
            check_cuda(cudaMemcpyAsync(receive + receive_offset[me] * row_bytes,
                                       send + send_offset[me] * row_bytes, n,
                                       cudaMemcpyDeviceToDevice, stream),
                       "cudaMemcpyAsync");
    }

    static constexpr int64_t line = 64;
    static RowBuffer lines() {
        return {MemoryKind::device, DType::f32, line / static_cast<int64_t>(sizeof(float))};
    }

    std::shared_ptr<NcclCommunicator> comm_;
    int rank_;
    bool equal_;
    CudaStream stream_;
    RowBuffer memory_[2] = {lines(), lines()};
};

}  // namespace

std::function<std::unique_ptr<Transport>(std::unique_ptr<Transport> host)> nccl_transports(
    Communicator const& comm, bool equal) {
    auto shared = std::make_shared<NcclCommunicator>(comm);
    return [shared, rank = index(comm.rank()), equal](std::unique_ptr<Transport> host) {
        return std::make_unique<NcclTransport>(shared, rank, equal, std::move(host));
    };
}

}  // namespace epsim
