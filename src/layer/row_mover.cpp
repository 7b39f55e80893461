#include "layer/row_mover.hpp"

#include <cstring>

namespace epsim {
namespace {

class StraightMover final : public RowMover {
public:
    StraightMover(Transport& transport, int layers, int64_t row_bytes)
        : transport_(transport),
          row_bytes_(row_bytes),
          prepared_(static_cast<std::size_t>(layers)) {}

    void prepare(int layer, Blocks const& blocks, std::byte const* send) override {
        prepared_[static_cast<std::size_t>(layer)] = {&blocks, send};
    }
    void move(int layer) override {
        auto const& [blocks, send] = prepared_[static_cast<std::size_t>(layer)];
        received_ = transport_.all_to_all_rows(Lane::dispatch, send, blocks->send_offset,
                                               blocks->receive_offset, row_bytes_);
    }
    std::byte const* received(int) override { return received_; }

private:
    struct Prepared {
        Blocks const* blocks = nullptr;
        std::byte const* send = nullptr;
    };
    Transport& transport_;
    int64_t row_bytes_;
    std::vector<Prepared> prepared_;  // [layers]
    std::byte const* received_ = nullptr;
};

class ForwardingMover final : public RowMover {
public:
    ForwardingMover(std::vector<std::unique_ptr<Exchange>> exchanges, RankId mine,
                    int64_t row_bytes)
        : mine_(mine), row_bytes_(row_bytes) {
        for (auto& exchange : exchanges) layers_.push_back({std::move(exchange), {}, {}, nullptr});
    }

    void prepare(int layer, Blocks const& blocks, std::byte const* send) override {
        auto& to = at(layer);
        to.blocks = &blocks;
        to.slots = {1, {}, {}};
        for (std::size_t r = 0; r + 1 < blocks.send_offset.size(); ++r)
            to.slots.slot.insert(
                to.slots.slot.end(),
                static_cast<std::size_t>(blocks.send_offset[r + 1] - blocks.send_offset[r]),
                SlotId{static_cast<int32_t>(r)});
        to.slots.weight.assign(to.slots.slot.size(), static_cast<float>(index(mine_)));
        to.exchange->prepare(to.planner.plan(to.slots, to.exchange->route()));
        to.exchange->permute({const_cast<std::byte*>(send), DType::bf16, std::ssize(to.slots.slot),
                              row_bytes_ / bytes_of(DType::bf16), DeviceKind::cpu},
                             stream_);
    }

    void move(int layer) override { at(layer).exchange->dispatch(stream_); }

    /// Rows arrive by who handed them on, but those of one source in its order.
    std::byte const* received(int layer) override {
        auto const& from = at(layer);
        auto const arrived = from.exchange->received(stream_);
        auto next = from.blocks->receive_offset;
        auto* const rows = memory_.rows(next.back() * row_bytes_ / line + 1).data;
        for (std::size_t i = 0; i < arrived.weight.size(); ++i) {
            auto const row = next.at(static_cast<std::size_t>(arrived.weight[i]))++;
            check(row < from.blocks->receive_offset.back(), "as many rows came as were sent");
            std::memcpy(rows + row * row_bytes_, arrived.rows.row(arrived.row_index[i]),
                        static_cast<std::size_t>(row_bytes_));
        }
        return rows;
    }

private:
    static constexpr int64_t line = 64;
    struct Layer {
        std::unique_ptr<Exchange> exchange;
        DispatchPlanner planner;
        SlotRouting slots;
        Blocks const* blocks;
    };
    Layer& at(int layer) { return layers_[static_cast<std::size_t>(layer)]; }

    RankId mine_;
    int64_t row_bytes_;
    std::vector<Layer> layers_;
    HostBuffer memory_{DType::f32, line / static_cast<int64_t>(sizeof(float))};
    HostStream stream_;
};

}  // namespace

Blocks::Blocks(Array<int64_t, 2> const& rows, RankId mine) {
    int64_t const me = index(mine);
    for (int64_t r = 0; r < rows.extent(0); ++r) {
        send_offset.push_back(send_offset.back() + rows(me, r));
        receive_offset.push_back(receive_offset.back() + rows(r, me));
    }
}

std::unique_ptr<RowMover> make_straight_mover(Transport& transport, int layers, int64_t row_bytes) {
    return std::make_unique<StraightMover>(transport, layers, row_bytes);
}

std::unique_ptr<RowMover> make_forwarding_mover(std::vector<std::unique_ptr<Exchange>> exchanges,
                                                RankId mine, int64_t row_bytes) {
    check(row_bytes % bytes_of(DType::bf16) == 0, "rows are of bf16 elements");
    return std::make_unique<ForwardingMover>(std::move(exchanges), mine, row_bytes);
}

}  // namespace epsim
