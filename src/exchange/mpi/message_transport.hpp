#pragma once

#include <map>

#include "comm/communicator.hpp"
#include "exchange/transport.hpp"

namespace epsim {

/// What the transports over MPI share: counts by MPI_Alltoall, datatypes of rows, receive memory.
class MessageTransport : public Transport {
public:
    /// \param comm must outlive the transport
    explicit MessageTransport(Communicator const& comm) : comm_(comm) {}

    int ranks() const override { return comm_.size(); }
    void all_to_all(std::span<int32_t const> send, std::span<int32_t> receive) override;

protected:
    /// Of all messages: those between two ranks arrive in the order in which they were sent.
    static constexpr int tag = 2;

    int rank() const { return index(comm_.rank()); }
    MPI_Comm comm() const { return comm_.native(); }
    std::byte* reserve(Lane lane, int64_t bytes) { return memory_.reserve(lane, bytes); }
    MPI_Datatype row_type(int64_t bytes);
    /// The rows that this rank keeps.
    void copy_own(std::byte const* send, std::span<int64_t const> send_offset, std::byte* receive,
                  std::span<int64_t const> receive_offset, int64_t row_bytes) const;

private:
    Communicator const& comm_;
    ReceiveMemory memory_;
    std::map<int64_t, RowType> types_;  // by row size: a handful, made on first use
};

}  // namespace epsim
