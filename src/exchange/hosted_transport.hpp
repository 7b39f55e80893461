#pragma once

#include <memory>

#include "exchange/transport.hpp"

namespace epsim {

/// A transport of rows on GPUs: counts and metadata travel between hosts' memories, by another.
class HostedTransport : public Transport {
public:
    explicit HostedTransport(std::unique_ptr<Transport> host) : host_(std::move(host)) {}

    int ranks() const final { return host_->ranks(); }
    void all_to_all(std::span<int32_t const> send, std::span<int32_t> receive) final {
        host_->all_to_all(send, receive);
    }
    std::byte* all_to_all_rows(Lane lane, std::byte const* send,
                               std::span<int64_t const> send_offset,
                               std::span<int64_t const> receive_offset, int64_t row_bytes) final {
        return lane == Lane::metadata
                   ? host().all_to_all_rows(lane, send, send_offset, receive_offset, row_bytes)
                   : move_rows(lane, send, send_offset, receive_offset, row_bytes);
    }

protected:
    Transport& host() { return *host_; }
    /// As Transport::all_to_all_rows, for rows of Lane::dispatch and Lane::combine on the GPU.
    virtual std::byte* move_rows(Lane lane, std::byte const* send,
                                 std::span<int64_t const> send_offset,
                                 std::span<int64_t const> receive_offset, int64_t row_bytes) = 0;

private:
    std::unique_ptr<Transport> host_;
};

}  // namespace epsim
