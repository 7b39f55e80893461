#include "exchange/staged_transport.hpp"

#include "device/device_memory.hpp"
#include "exchange/hosted_transport.hpp"
#include "exchange/local/local_transport.hpp"

namespace epsim {
namespace {

constexpr int64_t line = 64;

int64_t lines(int64_t bytes) {
    return (bytes + line - 1) / line;
}

class StagedTransport final : public HostedTransport {
public:
    explicit StagedTransport(std::unique_ptr<Transport> host)
        : HostedTransport(std::move(host)), stream_(make_stream(DeviceKind::cuda)) {}

    std::byte* move_rows(Lane lane, std::byte const* send, std::span<int64_t const> send_offset,
                         std::span<int64_t const> receive_offset, int64_t row_bytes) override {
        int64_t const sent = send_offset.back() * row_bytes;
        int64_t const received = receive_offset.back() * row_bytes;
        std::byte* const staged = staged_.rows(lines(sent)).data;
        copy_to_host(send, staged, sent, *stream_);
        stream_->synchronise();
        std::byte* const arrived =
            host().all_to_all_rows(lane, staged, send_offset, receive_offset, row_bytes);
        std::byte* const to = memory_[lane == Lane::dispatch ? 0 : 1].rows(lines(received)).data;
        copy_to_device(arrived, to, received, *stream_);
        stream_->synchronise();
        return to;
    }

private:
    static RowBuffer memory_of_lines(MemoryKind kind) {
        return {kind, DType::f32, line / static_cast<int64_t>(sizeof(float))};
    }

    std::unique_ptr<Stream> stream_;
    RowBuffer staged_ = memory_of_lines(MemoryKind::pinned);
    RowBuffer memory_[2] = {memory_of_lines(MemoryKind::device),
                            memory_of_lines(MemoryKind::device)};
};

class StayingTransport final : public HostedTransport {
public:
    StayingTransport() : HostedTransport(std::move(make_local_transports(1).front())) {}

    std::byte* move_rows(Lane, std::byte const* send, std::span<int64_t const>,
                         std::span<int64_t const>, int64_t) override {
        return const_cast<std::byte*>(send);
    }
};

}  // namespace

std::unique_ptr<Transport> make_staged_transport(std::unique_ptr<Transport> host) {
    return std::make_unique<StagedTransport>(std::move(host));
}

std::unique_ptr<Transport> make_staying_transport() {
    return std::make_unique<StayingTransport>();
}

}  // namespace epsim
