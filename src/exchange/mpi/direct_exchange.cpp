#include "exchange/mpi/direct_exchange.hpp"

#include <algorithm>
#include <functional>

#include "rows/permute.hpp"

namespace epsim {
namespace {

constexpr int dispatch_tag = 8, combine_tag = 9;

/// Between looks at messages, bytes.
constexpr int64_t piece = 1 << 20;

}  // namespace

DirectExchange::DirectExchange(Communicator const& comm, ClusterTopology const& topology,
                               Routes routes, ExchangeShape const& shape)
    : DirectExchange(std::make_unique<ShmTransport>(comm, topology).release(), comm, topology,
                     std::move(routes), shape) {}

DirectExchange::DirectExchange(ShmTransport* transport, Communicator const& comm,
                               ClusterTopology const& topology, Routes routes,
                               ExchangeShape const& shape)
    : routes_(std::move(routes)),
      shape_(shape),
      hop_(std::unique_ptr<Transport>(transport), shape, {}),
      node_(transport->node()),
      rank_(index(comm.rank())),
      messages_(comm),
      others_(ranks_of_other_nodes(topology, comm.rank())),
      packer_(shape),
      arrivals_(shape),
      sent_(shape.wire_dtype, shape.hidden),
      returned_(shape.combine_dtype, shape.hidden),
      results_(shape.combine_dtype, shape.hidden) {
    check(routes_.size() == 1, "rows go straight to their experts");
    waiting_.reserve(node_.ranks().size());
}

int64_t DirectExchange::rows_from(int rank) const {
    auto const r = static_cast<std::size_t>(rank);
    return hop_.receive_offset()[r + 1] - hop_.receive_offset()[r];
}

void DirectExchange::prepare(DispatchPlan const& plan) {
    hop_.prepare(plan);
    arrivals_.index(hop_.arrivals(), merges());
    auto const rows = static_cast<std::size_t>(plan.rows());
    target_.assign(rows, nullptr);
    found_.resize(rows);
    // Now, when nobody reads it: who has come here has made its sums. And before anybody looks for
    // it: who waits for this rank in dispatch sees its size.
    node_.own(Lane::combine, hop_.received_rows() * row_bytes(shape_.combine_dtype, shape_.hidden));
}

void DirectExchange::permute(BufferView tokens, Stream& stream) {
    auto const& plan = hop_.plan();
    if (shape_.weight_at == WeightAt::input && !plan.merged) {
        from_ = packer_.pack(plan, tokens, stream);
        for (auto i = counting_.size(); i < target_.size(); ++i)
            counting_.push_back(static_cast<int32_t>(i));
        rows_of_ = std::span(counting_).first(target_.size());
        rows_each_ = 1;
    } else {
        check(tokens.rows == plan.tokens && plan.top_k > 0, "tokens are those of the plan");
        from_ = packer_.encoded(tokens, stream);
        rows_of_ = plan.assignment_row;
        rows_each_ = plan.top_k;
    }
}

void DirectExchange::dispatch(Stream&) {
    int64_t const bytes = from_.row_bytes();
    auto* const arrived = node_.open(Lane::dispatch, hop_.receive_offset(), bytes);
    arrived_ = {arrived, shape_.wire_dtype, hop_.received_rows(), shape_.hidden};
    for (int const rank : others_)
        if (rows_from(rank) > 0)
            messages_.receive(dispatch_tag,
                              arrived_.row(hop_.receive_offset()[static_cast<std::size_t>(rank)]),
                              rows_from(rank), bytes, rank);
    send_to_other_nodes();
    write_to_peers();
    for (int place = 0; place < std::ssize(node_.ranks()); ++place)
        if (int const rank = node_.ranks()[static_cast<std::size_t>(place)];
            rank != rank_ && rows_from(rank) > 0)
            node_.wait([&] { return messages_.test(), node_.is_closed(Lane::dispatch, place); });
    wait_for_messages();
}

/// Rows to other nodes: side by side, then away.
void DirectExchange::send_to_other_nodes() {
    int64_t rows = 0;
    for (int const rank : others_) rows += rows_to(rank);
    if (rows == 0) return;
    BufferView const sent = sent_.rows(rows);
    int64_t next = 0;
    for (int const rank : others_) {
        aim(rank, sent.row(next));
        next += rows_to(rank);
    }
    write_rows(Stores::cached);
    next = 0;
    for (int const rank : others_) {
        int64_t const n = rows_to(rank);
        if (n > 0) messages_.send(dispatch_tag, sent.row(next), n, sent.row_bytes(), rank);
        next += n;
        aim(rank, nullptr);
    }
}

/// Rows to ranks of this node: to all that have opened by now in one pass over the tokens. What
/// fits this rank's cache and stays here goes first, while others come.
void DirectExchange::write_to_peers() {
    auto const rank_at = [&](int place) { return node_.ranks()[static_cast<std::size_t>(place)]; };
    aim(rank_, arrived_.row(hop_.receive_offset()[static_cast<std::size_t>(rank_)]));
    bool self_waits = ShmNode::streams(rows_to(rank_) * from_.row_bytes(), ShmNode::Copy::here);
    if (!self_waits) {
        write_rows(Stores::cached);
        aim(rank_, nullptr);
    }
    waiting_.clear();
    for (int place = 0; place < std::ssize(node_.ranks()); ++place)
        if (place != node_.place() && rows_to(rank_at(place)) > 0) waiting_.push_back(place);
    while (self_waits || !waiting_.empty()) {
        auto const is_open = [&](int place) { return node_.is_open(Lane::dispatch, place); };
        if (!waiting_.empty())
            node_.wait([&] { return messages_.test(), std::ranges::any_of(waiting_, is_open); });
        auto const open = std::ranges::partition(waiting_, std::not_fn(is_open));
        int64_t most = 0;
        for (int const place : open) {
            aim(rank_at(place), node_.target(Lane::dispatch, place));
            most = std::max(most, rows_to(rank_at(place)) * from_.row_bytes());
        }
        write_rows(self_waits || ShmNode::streams(most, ShmNode::Copy::to_peer) ? Stores::streaming
                                                                                : Stores::cached);
        for (int const place : open) {
            node_.close(Lane::dispatch, place);
            aim(rank_at(place), nullptr);
        }
        waiting_.erase(open.begin(), open.end());
        if (self_waits) aim(rank_, nullptr);
        self_waits = false;
    }
}

/// Where the rows to a rank are written next: one after the other; null = nowhere.
void DirectExchange::aim(int rank, std::byte* first) {
    auto const& offset = hop_.plan().row_offset;
    auto const r = static_cast<std::size_t>(rank);
    for (auto row = offset[r]; row < offset[r + 1]; ++row) {
        target_[static_cast<std::size_t>(row)] = first;
        if (first) first += row_bytes(shape_.wire_dtype, shape_.hidden);
    }
}

/// All rows that have a target.
void DirectExchange::write_rows(Stores stores) {
    int64_t const step = messages_.idle()
                             ? from_.rows
                             : std::max<int64_t>(1, piece / (from_.row_bytes() * rows_each_));
    for (int64_t first = 0; first < from_.rows; first += step) {
        int64_t const n = std::min(step, from_.rows - first);
        permute_rows_to({from_.row(first), from_.type, n, from_.width},
                        rows_of_.subspan(static_cast<std::size_t>(first * rows_each_),
                                         static_cast<std::size_t>(n * rows_each_)),
                        rows_each_, target_, stores);
        messages_.test();
    }
}

GroupedRows DirectExchange::received(Stream& stream) {
    return arrivals_.group(arrived_, stream);
}

BufferView DirectExchange::results() {
    if (merges()) return results_.rows(arrivals_.results());
    int64_t const rows = hop_.received_rows();
    return {node_.own(Lane::combine, rows * row_bytes(shape_.combine_dtype, shape_.hidden)),
            shape_.combine_dtype, rows, shape_.hidden};
}

void DirectExchange::merge(Stream& stream) {
    if (!merges()) return;
    int64_t const rows = hop_.received_rows();
    arrivals_.merge(
        results(),
        {node_.own(Lane::combine, rows * row_bytes(shape_.combine_dtype, shape_.hidden)),
         shape_.combine_dtype, rows, shape_.hidden},
        stream);
}

void DirectExchange::combine(Stream&) {
    int64_t const bytes = row_bytes(shape_.combine_dtype, shape_.hidden);
    auto const* const results = node_.open(Lane::combine, hop_.receive_offset(), bytes);
    int64_t rows = 0;
    for (int const rank : others_) rows += rows_to(rank);
    BufferView const returned = returned_.rows(rows);
    rows = 0;
    for (int const rank : others_) {
        if (rows_to(rank) > 0)
            messages_.receive(combine_tag, returned.row(rows), rows_to(rank), bytes, rank);
        rows += rows_to(rank);
    }
    for (int const rank : others_)
        if (rows_from(rank) > 0)
            messages_.send(combine_tag,
                           results + hop_.receive_offset()[static_cast<std::size_t>(rank)] * bytes,
                           rows_from(rank), bytes, rank);
    find_results();
    wait_for_messages();
}

/// Where the results of this rank's rows lie. Who owns them may leave once all who read them have
/// come and mapped them: it does not write there before they meet again.
void DirectExchange::find_results() {
    int64_t const bytes = row_bytes(shape_.combine_dtype, shape_.hidden);
    auto const note = [&](int rank, std::byte const* first) {
        auto const& offset = hop_.plan().row_offset;
        auto const r = static_cast<std::size_t>(rank);
        for (auto row = offset[r]; row < offset[r + 1]; ++row, first += bytes)
            found_[static_cast<std::size_t>(row)] = first;
    };
    int64_t next = 0;
    for (int const rank : others_) {
        note(rank, returned_.rows(0).data + next * bytes);
        next += rows_to(rank);
    }
    auto const places = static_cast<int>(std::ssize(node_.ranks()));
    auto const rank_at = [&](int place) { return node_.ranks()[static_cast<std::size_t>(place)]; };
    for (int place = 0; place < places; ++place)
        if (place != node_.place() && rows_to(rank_at(place)) > 0) {
            node_.of(Lane::combine, place);
            node_.close(Lane::combine, place);
        }
    note(rank_, node_.own(Lane::combine, 0) +
                    hop_.receive_offset()[static_cast<std::size_t>(rank_)] * bytes);
    for (int place = 0; place < places; ++place) {
        if (place == node_.place()) continue;
        if (rows_to(rank_at(place)) > 0) {
            node_.wait([&] { return messages_.test(), node_.is_open(Lane::combine, place); });
            note(rank_at(place), node_.target(Lane::combine, place));
        }
        if (rows_from(rank_at(place)) > 0)
            node_.wait([&] { return messages_.test(), node_.is_closed(Lane::combine, place); });
    }
}

void DirectExchange::wait_for_messages() {
    if (!messages_.idle()) node_.wait([&] { return messages_.test(); });
}

void DirectExchange::unpermute(std::span<float const> weight, BufferView out, Stream&) {
    auto const& plan = hop_.plan();
    weighted_sum_groups_of(found_, shape_.combine_dtype, plan.item_offset, plan.assignment_row,
                           weight, out);
}

}  // namespace epsim
