#include "exchange/local/local_transport.hpp"

#include <barrier>
#include <cstring>

#include "core/cast.hpp"

namespace epsim {
namespace {

/// What the ranks show each other between two barriers.
struct LocalWorld {
    explicit LocalWorld(int n)
        : ranks(n),
          barrier(n),
          counts(narrow<std::size_t>(n)),
          rows(counts.size()),
          offsets(counts.size()) {}
    int ranks;
    std::barrier<> barrier;
    std::vector<std::span<int32_t const>> counts;
    std::vector<std::byte const*> rows;
    std::vector<std::span<int64_t const>> offsets;
};

class LocalTransport final : public Transport {
public:
    LocalTransport(std::shared_ptr<LocalWorld> world, std::size_t rank)
        : world_(std::move(world)), rank_(rank) {}

    int ranks() const override { return world_->ranks; }

    void all_to_all(std::span<int32_t const> send, std::span<int32_t> receive) override {
        world_->counts[rank_] = send;
        world_->barrier.arrive_and_wait();
        for (std::size_t s = 0; s < receive.size(); ++s) receive[s] = world_->counts[s][rank_];
        world_->barrier.arrive_and_wait();
    }

    std::byte* all_to_all_rows(Lane lane, std::byte const* send,
                               std::span<int64_t const> send_offset,
                               std::span<int64_t const> receive_offset,
                               int64_t row_bytes) override {
        std::byte* const receive = memory_.reserve(lane, receive_offset.back() * row_bytes);
        world_->rows[rank_] = send;
        world_->offsets[rank_] = send_offset;
        world_->barrier.arrive_and_wait();
        for (std::size_t s = 0; s + 1 < receive_offset.size(); ++s) {
            int64_t const rows = receive_offset[s + 1] - receive_offset[s];
            if (rows > 0)
                std::memcpy(receive + receive_offset[s] * row_bytes,
                            world_->rows[s] + world_->offsets[s][rank_] * row_bytes,
                            static_cast<std::size_t>(rows * row_bytes));
        }
        world_->barrier.arrive_and_wait();
        return receive;
    }

private:
    ReceiveMemory memory_;
    std::shared_ptr<LocalWorld> world_;
    std::size_t rank_;
};

}  // namespace

std::vector<std::unique_ptr<Transport>> make_local_transports(int ranks) {
    auto world = std::make_shared<LocalWorld>(ranks);
    std::vector<std::unique_ptr<Transport>> transports;
    for (int r = 0; r < ranks; ++r)
        transports.push_back(std::make_unique<LocalTransport>(world, static_cast<std::size_t>(r)));
    return transports;
}

}  // namespace epsim
