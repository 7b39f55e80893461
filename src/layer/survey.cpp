#include "layer/survey.hpp"

#include <fmt/format.h>

#include "comm/mpi_session.hpp"
#include "exchange/alltoallv_exchange.hpp"
#include "layer/identity.hpp"
#include "layer/moe_layer.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim {
namespace {

/// Counts of one rank, summed up over the ranks at the end.
class Surveyor {
public:
    Surveyor(ReplayCase const& replay, Communicator const& comm, Exchange& exchange)
        : replay_(replay),
          comm_(comm),
          kernel_(make_identity_kernel(replay.spec, replay.placement, comm.rank())),
          layer_(replay.spec, replay.placement, exchange, *kernel_, nullptr),
          recorder_(clock_, layers()),
          received_({layers(), experts()}),
          recorded_({layers(), experts()}),
          unrouted_({layers(), 1}),
          rank_tokens_({layers(), comm.size()}),
          rows_({layers(), comm.size(), comm.size()}),
          signatures_(replay.spec.wire_dtype, replay.spec.shape.hidden),
          out_(DType::f32, replay.spec.shape.hidden) {}

    Findings run(RunRecord& record) {
        if (comm_.is_root()) make_room(record);
        for (int s = 0; s < replay_.steps(); ++s) {
            StepInput input;
            on_all_ranks(
                comm_, [&] { input = load_step(replay_, StepId{s}, comm_.size(), comm_.rank()); });
            survey_step(input);
            int64_t const tokens = comm_.all_sum(static_cast<int64_t>(input.tokens.size()));
            for (auto* counts : {&received_, &recorded_, &unrouted_, &rank_tokens_})
                comm_.all_sum(counts->flat());
            if (comm_.is_root()) keep_step(record, s, tokens);
        }
        comm_.all_sum(rows_.flat());
        record.identities = comm_.all_sum(identities_);
        if (comm_.is_root()) fill_traffic(record);
        return findings_;
    }

private:
    int64_t layers() const { return replay_.spec.layers; }
    int64_t experts() const { return replay_.placement.num_experts(); }

    void survey_step(StepInput const& input) {
        auto const tokens = static_cast<int64_t>(input.tokens.size());
        for (auto* counts : {&received_, &recorded_, &unrouted_, &rank_tokens_})
            std::ranges::fill(counts->flat(), 0);
        BufferView const x = signatures_.rows(tokens), out = out_.rows(tokens);
        token_signatures(replay_.spec, input.step, input.tokens, x);
        HostStream stream;
        for (int l = 0; l < layers(); ++l) {
            auto const& routing = input.routing[static_cast<std::size_t>(l)];
            layer_.forward(LayerId{l}, routing, x, out, recorder_, stream);
            count(l, routing);
            if (replay_.measure.verify != "off") check_identities(input, l, routing, out);
        }
    }

    void count(int l, RoutingBatch const& routing) {
        for (ExpertId const e : routing.expert)
            ++(e == no_expert ? unrouted_(l, 0) : recorded_(l, index(e)));
        for (int r = 0; r < comm_.size(); ++r)
            rows_(l, index(comm_.rank()), r) += layer_.plan().rows_to(RankId{r});
        auto const mine = replay_.placement.experts_of(LayerId{l}, comm_.rank());
        auto const offset = layer_.received().slot_offset;
        for (std::size_t slot = 0; slot < mine.size(); ++slot) {
            int64_t const entries = offset[slot + 1] - offset[slot];
            if (mine[slot] != no_expert) received_(l, index(mine[slot])) += entries;
            rank_tokens_(l, index(comm_.rank())) += entries;
        }
    }

    void check_identities(StepInput const& input, int l, RoutingBatch const& routing,
                          BufferView out) {
        expected_.resize(static_cast<std::size_t>(out.width));
        auto const k = static_cast<std::size_t>(routing.top_k);
        dispatch_dtype(out.type, [&]<class T>(T) {
            for (std::size_t t = 0; t < input.tokens.size(); ++t) {
                auto const experts = std::span(routing.expert).subspan(t * k, k);
                expected_identity(replay_.spec, input.step, LayerId{l}, input.tokens[t], experts,
                                  std::span(routing.weight).subspan(t * k, k), expected_);
                identities_ += static_cast<int64_t>(k) - std::ranges::count(experts, no_expert);
                auto const* row = out.as<T>() + static_cast<int64_t>(t) * out.width;
                for (std::size_t c = 0; c < expected_.size(); ++c)
                    if (to_float(row[c]) != expected_[c]) {
                        findings_.add(fmt::format(
                            "{}: element {} came back as {} instead of {}: a row was lost, "
                            "changed, swapped or sent to another expert",
                            describe_token(replay_, input.step, l, input.tokens[t], experts), c,
                            to_float(row[c]), expected_[c]));
                        break;
                    }
            }
        });
    }

    void make_room(RunRecord& record) const {
        int64_t const steps = replay_.steps();
        record.expert_tokens = record.dropped = Array<int64_t, 3>({steps, layers(), experts()});
        record.rank_tokens = Array<int64_t, 3>({steps, layers(), comm_.size()});
        record.unrouted = Array<int64_t, 2>({steps, layers()});
        record.top_k = replay_.spec.shape.top_k;
    }

    /// The counts of a step over all ranks, kept and compared on rank 0 only: the others' memory
    /// does not grow with the trace, and one difference is found once.
    void keep_step(RunRecord& record, int s, int64_t tokens) {
        record.step_tokens.push_back(tokens);
        for (int l = 0; l < layers(); ++l) {
            record.unrouted(s, l) = unrouted_(l, 0);
            for (int r = 0; r < comm_.size(); ++r) record.rank_tokens(s, l, r) = rank_tokens_(l, r);
            for (int e = 0; e < experts(); ++e) {
                record.expert_tokens(s, l, e) = received_(l, e);
                if (received_(l, e) != recorded_(l, e))
                    findings_.add(fmt::format(
                        "step {}, layer {}, expert {}: {} tokens received, {} routed to it", s,
                        replay_.layer_number(l), e, received_(l, e), recorded_(l, e)));
            }
        }
    }

    void fill_traffic(RunRecord& record) const {
        auto const& spec = replay_.spec;
        int64_t const ranks = comm_.size(), d = direction_count;
        for (auto* bytes : {&record.selected, &record.payload, &record.padding, &record.metadata})
            *bytes = Array<int64_t, 4>({layers(), d, ranks, ranks});
        record.wire = Array<int64_t, 4>({layers(), d, ranks, link_class_count});
        record.dispatch_row_bytes = spec.shape.hidden * bytes_of(spec.wire_dtype);
        record.combine_row_bytes = spec.shape.hidden * bytes_of(spec.combine_dtype);
        for (int64_t l = 0; l < layers(); ++l)
            for (int64_t from = 0; from < ranks; ++from)
                for (int64_t to = 0; to < ranks; ++to) {
                    int64_t const rows = rows_(l, from, to);
                    record.payload(l, 0, from, to) = rows * record.dispatch_row_bytes;
                    record.payload(l, 1, to, from) = rows * record.combine_row_bytes;
                    record.metadata(l, 0, from, to) =
                        replay_.steps() * static_cast<int64_t>(sizeof(int32_t)) +
                        rows * static_cast<int64_t>(sizeof(EntryMetadata));
                }
        record.selected = record.payload;  // every row is one assignment: no dedup
        for (int64_t l = 0; l < layers(); ++l)
            for (int64_t direction = 0; direction < d; ++direction) {
                Array<int64_t, 2> sent({ranks, ranks});
                for (int64_t from = 0; from < ranks; ++from)
                    for (int64_t to = 0; to < ranks; ++to)
                        sent(from, to) = record.payload(l, direction, from, to) +
                                         record.metadata(l, direction, from, to);
                auto const wire = wire_bytes(alltoallv_schedule(sent), replay_.topology);
                for (int64_t r = 0; r < ranks; ++r)
                    for (int64_t c = 0; c < wire.extent(1); ++c)
                        record.wire(l, direction, r, c) = wire(r, c);
            }
    }

    ReplayCase const& replay_;
    Communicator const& comm_;
    std::unique_ptr<ExpertKernel> kernel_;
    MoeLayer layer_;
    MonotonicClock clock_;
    PhaseRecorder recorder_;
    // Of one step:
    Array<int64_t, 2> received_, recorded_;  // [L, E] assignments: as arrived, as in the trace
    Array<int64_t, 2> unrouted_;             // [L, 1] choices that name no expert
    Array<int64_t, 2> rank_tokens_;          // [L, R]
    Array<int64_t, 3> rows_;                 // [L, from, to] of the whole pass
    HostBuffer signatures_, out_;
    std::vector<float> expected_;
    int64_t identities_ = 0;
    Findings findings_;
};

}  // namespace

Findings survey(ReplayCase const& replay, Communicator const& comm, Exchange& exchange,
                RunRecord& record) {
    return Surveyor(replay, comm, exchange).run(record);
}

}  // namespace epsim
