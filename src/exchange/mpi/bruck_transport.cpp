#include "exchange/mpi/bruck_transport.hpp"

#include <cstring>

#include "core/cast.hpp"

namespace epsim {
namespace {

HostBuffer bytes_buffer() {
    return {DType::f32, 16};  // rows of 64 bytes
}

std::byte* room_for(HostBuffer& buffer, int64_t bytes) {
    return buffer.rows((bytes + 63) / 64).data;
}

/// `bytes` in memory for MPI: as bytes or, where an int cannot count them, as one element of a
/// head of bytes and rows.
class Payload {
public:
    Payload(int64_t head, int64_t bytes, int64_t row_bytes, MPI_Datatype row, int64_t most_bytes) {
        if (bytes <= most_bytes) {
            count_ = narrow<int>(bytes);
            return;
        }
        int const lengths[] = {narrow<int>(head), narrow<int>((bytes - head) / row_bytes)};
        MPI_Aint const at[] = {0, head};
        MPI_Datatype const types[] = {MPI_BYTE, row};
        check_mpi(MPI_Type_create_struct(2, lengths, at, types, &made_), "MPI_Type_create_struct");
        check_mpi(MPI_Type_commit(&made_), "MPI_Type_commit");
    }
    ~Payload() {
        if (made_ != MPI_DATATYPE_NULL) MPI_Type_free(&made_);
    }
    Payload(Payload const&) = delete;
    Payload& operator=(Payload const&) = delete;

    int count() const { return count_; }
    MPI_Datatype type() const { return made_ == MPI_DATATYPE_NULL ? MPI_BYTE : made_; }

private:
    int count_ = 1;
    MPI_Datatype made_ = MPI_DATATYPE_NULL;
};

}  // namespace

BruckTransport::BruckTransport(Communicator const& comm, int64_t most_bytes)
    : MessageTransport(comm),
      most_bytes_(most_bytes),
      rounds_(bruck_rounds(comm.size())),
      blocks_(static_cast<std::size_t>(comm.size())),
      packed_(bytes_buffer()) {
    for (std::size_t k = 0; k < rounds_.size(); ++k) arrived_.push_back(bytes_buffer());
}

std::byte* BruckTransport::all_to_all_rows(Lane lane, std::byte const* send,
                                           std::span<int64_t const> send_offset,
                                           std::span<int64_t const> receive_offset,
                                           int64_t row_bytes) {
    std::byte* const receive = reserve(lane, receive_offset.back() * row_bytes);
    for (int d = 1; d < ranks(); ++d) {
        auto const to = static_cast<std::size_t>((rank() + d) % ranks());
        blocks_[static_cast<std::size_t>(d)] = {send + send_offset[to] * row_bytes,
                                                send_offset[to + 1] - send_offset[to]};
    }
    copy_own(send, send_offset, receive, receive_offset, row_bytes);
    for (std::size_t k = 0; k < rounds_.size(); ++k)
        move(rounds_[k], arrived_[k], receive_offset, row_bytes);
    for (int d = 1; d < ranks(); ++d) {
        auto const& block = blocks_[static_cast<std::size_t>(d)];
        if (block.count > 0)
            std::memcpy(receive + receive_offset[source(d)] * row_bytes, block.rows,
                        static_cast<std::size_t>(block.count * row_bytes));
    }
    return receive;
}

void BruckTransport::move(BruckRound const& round, HostBuffer& arrived,
                          std::span<int64_t const> receive_offset, int64_t row_bytes) {
    auto const row = row_type(row_bytes);
    int64_t const head = round.header_bytes();
    int const from = static_cast<int>(source(round.distance));
    // With a header there is always a message; without one both ends know whether there are rows.
    int64_t const out = pack(round, row_bytes);
    Payload const sent(head, out, row_bytes, row, most_bytes_);
    MPI_Request request = MPI_REQUEST_NULL;
    if (out > 0)
        check_mpi(MPI_Isend(packed_.rows(0).data, sent.count(), sent.type(),
                            (rank() + round.distance) % ranks(), tag, comm(), &request),
                  "MPI_Isend");
    int64_t in = head;
    for (int const d : round.staying())
        in += (receive_offset[source(d) + 1] - receive_offset[source(d)]) * row_bytes;
    std::byte* message = nullptr;
    if (in > 0) {
        MPI_Message matched = MPI_MESSAGE_NULL;
        MPI_Status status;
        check_mpi(MPI_Mprobe(from, tag, comm(), &matched, &status), "MPI_Mprobe");
        MPI_Count size = 0;
        check_mpi(MPI_Get_elements_x(&status, MPI_BYTE, &size), "MPI_Get_elements_x");
        in = size;
        message = room_for(arrived, in);
        Payload const received(head, in, row_bytes, row, most_bytes_);
        check_mpi(
            MPI_Mrecv(message, received.count(), received.type(), &matched, MPI_STATUS_IGNORE),
            "MPI_Mrecv");
    }
    unpack(round, message, in, receive_offset, row_bytes);
    check_mpi(MPI_Wait(&request, MPI_STATUS_IGNORE), "MPI_Wait");
}

/// The counts of the blocks that travel on, then the rows of all, into packed_. \return bytes
int64_t BruckTransport::pack(BruckRound const& round, int64_t row_bytes) {
    int64_t bytes = round.header_bytes();
    for (int const d : round.blocks)
        bytes += blocks_[static_cast<std::size_t>(d)].count * row_bytes;
    std::byte* at = room_for(packed_, bytes);
    for (int const d : round.travelling()) {
        auto const count = narrow<int32_t>(blocks_[static_cast<std::size_t>(d)].count);
        std::memcpy(at, &count, sizeof(count));
        at += sizeof(count);
    }
    for (int const d : round.blocks) {
        auto const& block = blocks_[static_cast<std::size_t>(d)];
        auto const size = static_cast<std::size_t>(block.count * row_bytes);
        if (size > 0) std::memcpy(at, block.rows, size);
        at += size;
    }
    return bytes;
}

/// The round's blocks are now those in the message.
void BruckTransport::unpack(BruckRound const& round, std::byte const* message, int64_t bytes,
                            std::span<int64_t const> receive_offset, int64_t row_bytes) {
    for (int const d : round.staying())
        blocks_[static_cast<std::size_t>(d)].count =
            receive_offset[source(d) + 1] - receive_offset[source(d)];
    auto const* header = message;
    for (int const d : round.travelling()) {
        int32_t count = 0;
        std::memcpy(&count, header, sizeof(count));
        header += sizeof(count);
        blocks_[static_cast<std::size_t>(d)].count = count;
    }
    int64_t at = round.header_bytes();
    for (int const d : round.blocks) {
        auto& block = blocks_[static_cast<std::size_t>(d)];
        block.rows = message + at;
        at += block.count * row_bytes;
    }
    check(at == bytes, "a forwarded message holds the rows that it announces");
}

}  // namespace epsim
