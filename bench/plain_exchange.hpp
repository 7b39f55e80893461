#pragma once

#include <cstring>
#include <random>
#include <vector>

#include "core/cast.hpp"
#include "exchange/mpi/mpi_exchange.hpp"
#include "rows/permute.hpp"

namespace epsim::bench {

/// MPI_Alltoallv of rows into memory of its own, with nothing around it.
class PlainAlltoallv {
public:
    PlainAlltoallv(Communicator const& comm, int64_t row_bytes)
        : comm_(comm), row_(row_bytes), received_(DType::f32, row_bytes / 4) {
        for (auto* list : {&send_count_, &send_at_, &receive_count_, &receive_at_})
            list->resize(static_cast<std::size_t>(comm.size()));
    }
    std::byte const* exchange(std::byte const* send, std::span<int64_t const> send_offset,
                              std::span<int64_t const> receive_offset) {
        for (std::size_t r = 0; r < send_count_.size(); ++r) {
            send_at_[r] = static_cast<int>(send_offset[r]);
            send_count_[r] = static_cast<int>(send_offset[r + 1] - send_offset[r]);
            receive_at_[r] = static_cast<int>(receive_offset[r]);
            receive_count_[r] = static_cast<int>(receive_offset[r + 1] - receive_offset[r]);
        }
        auto* const to = received_.rows(receive_offset.back()).data;
        check_mpi(
            MPI_Alltoallv(send, send_count_.data(), send_at_.data(), row_.native(), to,
                          receive_count_.data(), receive_at_.data(), row_.native(), comm_.native()),
            "MPI_Alltoallv");
        return to;
    }

private:
    Communicator const& comm_;
    RowType row_;
    HostBuffer received_;
    std::vector<int> send_count_, send_at_, receive_count_, receive_at_;
};

/// Random routing of `tokens` a rank to 64 experts, top-8, in rows of 4 KB, and both ways to get
/// them to their experts' ranks.
class RoutedRows {
public:
    RoutedRows(Communicator const& comm, std::string const& algorithm, int64_t tokens)
        : comm_(comm),
          placement_(linear_placement(1, experts, comm.size())),
          plain_(comm, hidden * bytes_of(DType::bf16)) {
        std::mt19937 random(static_cast<unsigned>(index(comm.rank())) + 1);
        std::vector<int> order(experts);
        for (int e = 0; e < experts; ++e) order[static_cast<std::size_t>(e)] = e;
        SlotRouting routing;
        routing.top_k = top_k;
        for (int64_t t = 0; t < tokens; ++t) {
            std::shuffle(order.begin(), order.end(), random);
            for (std::size_t c = 0; c < top_k; ++c) {
                routing.slot.push_back(SlotId{order[c]});
                routing.weight.push_back(0.1f);
            }
        }
        auto const rank = static_cast<std::size_t>(index(comm.rank()));
        auto const offset = placement_.rank_slot_offset();
        exchange_ = make_mpi_exchange(
            comm, algorithm, placement_, ClusterTopology::blocks(comm.size(), comm.size()),
            Dedup::none,
            ExchangeShape{hidden, DType::bf16, DType::bf16, DType::bf16, WeightAt::source,
                          offset[rank], offset[rank + 1] - offset[rank]});
        plan_ = &planner_.plan(routing, exchange_->route());
        x_ = tokens_.rows(tokens);
        std::fill_n(x_.as<bf16>(), x_.rows * x_.width, to_bf16(0.5f));
        for (auto* counts : {&send_count_, &receive_count_})
            counts->resize(static_cast<std::size_t>(comm.size()));
        receive_offset_.resize(send_count_.size() + 1);
    }

    BufferView exchange_rows() {
        HostStream stream;
        exchange_->prepare(*plan_);
        exchange_->permute(x_, stream);
        exchange_->dispatch(stream);
        return exchange_->received(stream).rows;
    }

    BufferView plain_rows() {
        for (std::size_t r = 0; r < send_count_.size(); ++r)
            send_count_[r] = narrow<int>(plan_->row_offset[r + 1] - plan_->row_offset[r]);
        check_mpi(MPI_Alltoall(send_count_.data(), 1, MPI_INT, receive_count_.data(), 1, MPI_INT,
                               comm_.native()),
                  "MPI_Alltoall");
        for (std::size_t r = 0; r < receive_count_.size(); ++r)
            receive_offset_[r + 1] = receive_offset_[r] + receive_count_[r];
        BufferView const sent = sent_.rows(plan_->rows());
        gather_rows(x_, plan_->row_token, sent);
        auto const* rows = plain_.exchange(sent.data, plan_->row_offset, receive_offset_);
        return {const_cast<std::byte*>(rows), DType::bf16, receive_offset_.back(), hidden};
    }

private:
    static constexpr int experts = 64, top_k = 8;
    static constexpr int64_t hidden = 2048;

    Communicator const& comm_;
    Placement placement_;
    DispatchPlanner planner_;
    DispatchPlan const* plan_;
    std::unique_ptr<Exchange> exchange_;
    PlainAlltoallv plain_;
    HostBuffer tokens_{DType::bf16, hidden}, sent_{DType::bf16, hidden};
    BufferView x_;
    std::vector<int> send_count_, receive_count_;
    std::vector<int64_t> receive_offset_;
};

}  // namespace epsim::bench
