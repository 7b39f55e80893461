#include "exchange/mpi/allgather_exchange.hpp"

#include <numeric>

#include "core/cast.hpp"
#include "rows/permute.hpp"
#include "rows/row_codec.hpp"

namespace epsim {

AllgatherExchange::AllgatherExchange(Communicator const& comm, Routes routes,
                                     ExchangeShape const& shape)
    : comm_(comm),
      rank_(static_cast<std::size_t>(index(comm.rank()))),
      routes_(std::move(routes)),
      shape_(shape),
      back_(comm),
      token_type_(row_bytes(shape.wire_dtype, shape.hidden)),
      entry_type_(sizeof(EntryMetadata)),
      gathered_(shape.wire_dtype, shape.hidden),
      arrivals_(shape),
      results_(shape.combine_dtype, shape.hidden),
      merged_(shape.combine_dtype, shape.hidden) {
    check(routes_.size() == 1 && routes_.front().merge, "what a rank serves of a token is one sum");
    auto const ranks = static_cast<std::size_t>(comm.size());
    for (auto* list : {&tokens_, &entries_, &token_at_, &entry_at_}) list->resize(ranks);
    for (auto* offset : {&token_offset_, &source_offset_}) offset->resize(ranks + 1);
}

void AllgatherExchange::prepare(DispatchPlan const& plan) {
    check(plan.top_k > 0, "a plan of tokens");
    plan_ = &plan;
    count_tokens();
    gather_entries();
    select_entries();
    arrivals_.index({entry_offset_, slot_, weight_}, true, selected_);
}

void AllgatherExchange::count_tokens() {
    tokens_[rank_] = narrow<int>(plan_->tokens);
    check_mpi(MPI_Allgather(MPI_IN_PLACE, 0, MPI_INT, tokens_.data(), 1, MPI_INT, comm_.native()),
              "MPI_Allgather");
    for (std::size_t r = 0; r < tokens_.size(); ++r) {
        token_at_[r] = narrow<int>(token_offset_[r]);
        entry_at_[r] = narrow<int>(token_offset_[r] * plan_->top_k);
        entries_[r] = narrow<int>(int64_t{tokens_[r]} * plan_->top_k);
        token_offset_[r + 1] = token_offset_[r] + tokens_[r];
    }
}

/// Of each token its slots, in the order of the plan's rows: first what goes to lower ranks.
void AllgatherExchange::gather_entries() {
    auto const& plan = *plan_;
    entry_.resize(static_cast<std::size_t>(token_offset_.back() * plan.top_k));
    auto* const own = entry_.data() + entry_at_[rank_];
    std::fill_n(own, entries_[rank_], EntryMetadata{index(no_slot), 0});
    next_entry_.assign(plan.item_offset.begin(), plan.item_offset.end() - 1);
    for (std::size_t row = 0; row < plan.row_token.size(); ++row) {
        auto& next = next_entry_[static_cast<std::size_t>(plan.row_token[row])];
        for (auto e = plan.entry_offset[row]; e < plan.entry_offset[row + 1]; ++e)
            own[next++] = {plan.slot[static_cast<std::size_t>(e)],
                           plan.weight[static_cast<std::size_t>(e)]};
    }
    check_mpi(MPI_Allgatherv(MPI_IN_PLACE, 0, entry_type_.native(), entry_.data(), entries_.data(),
                             entry_at_.data(), entry_type_.native(), comm_.native()),
              "MPI_Allgatherv");
}

void AllgatherExchange::select_entries() {
    auto const k = static_cast<std::size_t>(plan_->top_k);
    selected_.clear();
    slot_.clear();
    weight_.clear();
    entry_offset_.assign(1, 0);
    for (std::size_t r = 0; r < tokens_.size(); ++r) {
        for (auto token = token_offset_[r]; token < token_offset_[r + 1]; ++token) {
            auto const* const entries = entry_.data() + static_cast<std::size_t>(token) * k;
            for (std::size_t choice = 0; choice < k; ++choice) {
                int32_t const local = entries[choice].slot - shape_.first_slot;
                if (local < 0 || local >= shape_.local_slots) continue;
                slot_.push_back(SlotId{entries[choice].slot});
                weight_.push_back(entries[choice].weight);
            }
            if (entry_offset_.back() == std::ssize(slot_)) continue;
            entry_offset_.push_back(std::ssize(slot_));
            selected_.push_back(narrow<int32_t>(token));
        }
        source_offset_[r + 1] = std::ssize(selected_);
    }
}

/// Into this rank's place among all tokens.
void AllgatherExchange::permute(BufferView tokens, Stream&) {
    check(tokens.rows == plan_->tokens && tokens.width == shape_.hidden &&
              tokens.type == shape_.dtype,
          "tokens are those of the plan, in the model's type");
    BufferView const all = gathered();
    encode_rows(tokens, {all.row(token_offset_[rank_]), all.type, tokens.rows, all.width});
}

void AllgatherExchange::dispatch(Stream&) {
    check_mpi(MPI_Allgatherv(MPI_IN_PLACE, 0, token_type_.native(), gathered().data, tokens_.data(),
                             token_at_.data(), token_type_.native(), comm_.native()),
              "MPI_Allgatherv");
}

GroupedRows AllgatherExchange::received(Stream& stream) {
    return arrivals_.group(gathered(), stream);
}

BufferView AllgatherExchange::results() {
    return results_.rows(arrivals_.results());
}

void AllgatherExchange::merge(Stream& stream) {
    arrivals_.merge(results(), merged_.rows(selected()), stream);
}

void AllgatherExchange::combine(Stream&) {
    auto* const rows =
        back_.all_to_all_rows(Lane::combine, merged_.rows(selected()).data, source_offset_,
                              plan_->row_offset, row_bytes(shape_.combine_dtype, shape_.hidden));
    returned_ = {rows, shape_.combine_dtype, plan_->rows(), shape_.hidden};
}

void AllgatherExchange::unpermute(std::span<float const> weight, BufferView out, Stream&) {
    weighted_sum_groups(returned_, plan_->item_offset, plan_->assignment_row, weight, out);
}

std::vector<HopTraffic> AllgatherExchange::traffic() const {
    auto const ranks = tokens_.size();
    HopTraffic sent{std::vector<int64_t>(ranks), std::vector<int64_t>(ranks),
                    std::vector<int64_t>(ranks, sizeof(int32_t)),
                    std::vector<int64_t>(ranks, entries_[rank_] * int64_t{sizeof(EntryMetadata)})};
    for (int32_t r = 0; r < std::ssize(tokens_); ++r) {
        auto const to = static_cast<std::size_t>(r);
        sent.rows[to] = plan_->rows_to(RankId{r});
        sent.padding[to] = plan_->tokens - sent.rows[to];
    }
    return {sent};
}

}  // namespace epsim
