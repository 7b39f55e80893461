#pragma once

#include <map>
#include <vector>

#include "comm/communicator.hpp"
#include "exchange/transport.hpp"

namespace epsim {

/// Messages of rows under way. Row types are made on first use of a row size.
class RowMessages {
public:
    explicit RowMessages(Communicator const& comm) : comm_(comm) {
        requests_.reserve(2 * static_cast<std::size_t>(comm.size()));
    }
    ~RowMessages() = default;
    RowMessages(RowMessages const&) = delete;
    RowMessages& operator=(RowMessages const&) = delete;

    void receive(int tag, std::byte* rows, int64_t count, int64_t row_bytes, int from);
    void send(int tag, std::byte const* rows, int64_t count, int64_t row_bytes, int to);
    /// Move on; whether all have arrived or left.
    bool test();
    /// None is under way.
    bool idle() const noexcept { return requests_.empty(); }

private:
    MPI_Datatype row_type(int64_t bytes) {
        return types_.try_emplace(bytes, bytes).first->second.native();
    }

    Communicator const& comm_;
    std::vector<MPI_Request> requests_;
    std::map<int64_t, RowType> types_;
};

}  // namespace epsim
