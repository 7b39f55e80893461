#include "layer/survey.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "comm/mpi_session.hpp"
#include "layer/identity.hpp"
#include "layer/layer_traffic.hpp"
#include "layer/moe_layer.hpp"
#include "layer/phase_bounds.hpp"
#include "layer/router_record.hpp"
#include "layer/staged_kernel.hpp"
#include "layer/token_vectors.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim {
namespace {

/// Counts of one rank, summed up over the ranks at the end.
class Surveyor {
public:
    Surveyor(ReplayCase const& replay, Communicator const& comm,
             std::span<Exchange* const> exchanges, Router* router)
        : replay_(replay),
          comm_(comm),
          placement_(replay.placement),
          kernel_(make_identity_kernel(replay.spec, placement_, comm.rank())),
          stream_(make_stream(replay.spec.device)),
          router_(router),
          replicas_(replay.replicas(comm.rank())),
          layer_(replay.spec, replicas_, exchanges, kernel_, nullptr, replay.overlap, {}, router),
          recorder_(clock_, layers(), replay.overlap.parts()),
          received_({layers(), experts()}),
          recorded_({layers(), experts()}),
          unrouted_({layers(), 1}),
          rank_tokens_({layers(), comm.size()}),
          hops_(exchanges.front()->hops()),
          traffic_(layers(), comm.size(), hops_),
          dependencies_(replay.steps(), layers()),
          bounds_(replay, comm),
          signatures_(replay.spec.dtype, replay.spec.shape.hidden),
          vectors_(replay.spec.dtype, replay.spec.shape.hidden),
          sent_(memory_of(replay.spec.device), replay.spec.dtype, replay.spec.shape.hidden),
          out_(memory_of(replay.spec.device), DType::f32, replay.spec.shape.hidden) {
        if (router) routed_.emplace(replay, comm);
    }

    Survey run(RunRecord& record, std::function<void(int step)> const& before_step) {
        if (comm_.is_root()) make_room(record);
        Array<int64_t, 2> entries;
        if (replay_.emulate_us > 0) entries = Array<int64_t, 2>({replay_.steps(), layers()});
        for (int s = 0; s < replay_.steps(); ++s) {
            if (before_step) before_step(s);
            StepInput input;
            on_all_ranks(
                comm_, [&] { input = load_step(replay_, StepId{s}, comm_.size(), comm_.rank()); });
            if (router_) router_->load(input);
            survey_step(input);
            if (routed_) routed_->keep(*router_, s, record);
            for (int64_t l = 0; l < layers() && !entries.empty(); ++l)
                entries(s, l) = rank_tokens_(l, index(comm_.rank()));
            int64_t const tokens = comm_.all_sum(static_cast<int64_t>(input.tokens.size()));
            for (auto* counts : {&received_, &recorded_, &unrouted_, &rank_tokens_})
                comm_.all_sum(counts->flat());
            auto const gathered = comm_.gather(traffic_.values());
            std::vector<LayerTraffic> traffic;
            for (int64_t l = 0; comm_.is_root() && l < layers(); ++l)
                traffic.push_back(traffic_.layer(l, gathered));
            bounds_.keep(record, s, traffic);
            if (!comm_.is_root()) continue;
            keep_step(record, s, tokens);
            keep_traffic(record, s, traffic);
        }
        record.identities = comm_.all_sum(identities_);
        return {std::move(findings_), std::move(dependencies_), std::move(entries)};
    }

private:
    int64_t layers() const { return replay_.spec.layers; }
    int64_t experts() const { return replay_.placement.num_experts(); }

    void survey_step(StepInput& input) {
        if (replay_.timeline) {
            placement_ = replay_.placement_at(index(input.step));
            replicas_.follow(placement_, replay_.topology);
        }
        auto const tokens = static_cast<int64_t>(input.tokens.size());
        for (auto* counts : {&received_, &recorded_, &unrouted_, &rank_tokens_})
            std::ranges::fill(counts->flat(), 0);
        BufferView const x = signatures_.rows(tokens), out = out_.rows(tokens);
        token_signatures(replay_.spec, input.step, input.tokens, x);
        if (router_) {
            auto const vectors = vectors_.rows(tokens);
            TokenVectors(replay_.spec).fill(input.step, input.tokens, vectors);
            router_->keep_outcomes(true);
            router_->begin_step(input, vectors);
        }
        BufferView sent = x;
        if (replay_.spec.device != DeviceKind::cpu) {
            sent = sent_.rows(tokens);
            copy_rows(x, sent, *stream_);
        }
        traffic_.begin_step();
        bounds_.begin_step();
        layer_.forward({input.routing, sent, out}, recorder_, *stream_,
                       [&](int l, MoeLayer::Part const& part, bool last) {
                           count(l, part);
                           if (!last) return;
                           auto const& routing = input.routing[static_cast<std::size_t>(l)];
                           count(l, routing);
                           if (replay_.measure.verify != "off")
                               check_identities(input, l, routing, returned_.of(out, *stream_));
                       });
    }

    void count(int l, RoutingBatch const& routing) {
        for (ExpertId const e : routing.expert)
            ++(e == no_expert ? unrouted_(l, 0) : recorded_(l, index(e)));
    }

    void count(int l, MoeLayer::Part const& part) {
        traffic_.count(l, *part.plan, placement_, part.exchange.traffic());
        auto const mine = placement_.experts_of(LayerId{l}, comm_.rank());
        auto const offset = part.received.slot_offset;
        for (std::size_t slot = 0; slot < mine.size(); ++slot) {
            int64_t const entries = offset[slot + 1] - offset[slot];
            if (mine[slot] != no_expert) received_(l, index(mine[slot])) += entries;
            rank_tokens_(l, index(comm_.rank())) += entries;
        }
        bounds_.count(l, part.slots, part.received);
    }

    void check_identities(StepInput const& input, int l, RoutingBatch const& routing,
                          BufferView out) {
        expected_.resize(static_cast<std::size_t>(out.width));
        bound_.resize(expected_.size());
        auto const k = static_cast<std::size_t>(routing.top_k);
        dispatch_dtype(out.type, [&]<class T>(T) {
            for (std::size_t t = 0; t < input.tokens.size(); ++t) {
                auto const experts = std::span(routing.expert).subspan(t * k, k);
                expected_identity(replay_.spec, input.step, LayerId{l}, input.tokens[t], experts,
                                  std::span(routing.weight).subspan(t * k, k), expected_, bound_);
                identities_ += static_cast<int64_t>(k) - std::ranges::count(experts, no_expert);
                auto const* row = out.as<T>() + static_cast<int64_t>(t) * out.width;
                for (std::size_t c = 0; c < expected_.size(); ++c)
                    if (!(std::abs(to_float(row[c]) - expected_[c]) <= bound_[c])) {
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
        record.top_k = replay_.choices();
        int64_t const ranks = comm_.size(), d = direction_count;
        for (auto* bytes : {&record.selected, &record.payload, &record.padding, &record.metadata})
            *bytes = Array<int64_t, 4>({layers(), d, ranks, ranks});
        record.wire = Array<int64_t, 4>({layers(), d, ranks, link_class_count});
        auto const& spec = replay_.spec;
        record.hops = hops_;
        record.parts = replay_.overlap.parts();
        record.algorithm = replay_.algorithm;
        record.capacity = replay_.capacity.rows;
        record.dedup = name_of(replay_.spec.dedup);
        record.dispatch_row_bytes = row_bytes(spec.wire_dtype, spec.shape.hidden);
        record.combine_row_bytes = row_bytes(spec.combine_dtype, spec.shape.hidden);
    }

    /// The counts of a step over all ranks, kept and compared on rank 0 only: the others' memory
    /// does not grow with the trace, and one difference is found once.
    void keep_step(RunRecord& record, int s, int64_t tokens) {
        record.step_tokens.push_back(tokens);
        for (int l = 0; l < layers(); ++l) {
            record.unrouted(s, l) = unrouted_(l, 0);
            for (int e = 0; e < experts(); ++e) record.unrouted(s, l) -= record.dropped(s, l, e);
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

    /// Bytes and dependencies of one step. \param traffic [L]
    void keep_traffic(RunRecord& record, int step, std::span<LayerTraffic const> traffic) {
        for (int64_t l = 0; l < layers(); ++l) {
            auto const& sent = traffic[static_cast<std::size_t>(l)];
            keep_pairs(record, l, sent);
            keep_wire(record, l, Direction::dispatch,
                      counts_schedule(replay_.algorithm, sent.counts, sent.entries));
            keep_exchange(record, step, l, Direction::dispatch, sent);
            keep_exchange(record, step, l, Direction::combine, sent);
        }
    }

    void keep_pairs(RunRecord& record, int64_t l, LayerTraffic const& sent) {
        auto const keep = [&](Array<int64_t, 2> const& rows, Array<int64_t, 4>& bytes,
                              bool returns = true) {
            for (int64_t from = 0; from < comm_.size(); ++from)
                for (int64_t to = 0; to < comm_.size(); ++to) {
                    bytes(l, 0, from, to) += rows(from, to) * record.dispatch_row_bytes;
                    if (returns) bytes(l, 1, to, from) += rows(from, to) * record.combine_row_bytes;
                }
        };
        keep(sent.selected, record.selected);
        keep(sent.payload, record.payload);
        for (auto const& rows : sent.padding)
            keep(rows, record.padding, returns_padding(replay_.algorithm));
        for (auto const* hops : {&sent.counts, &sent.entries})
            for (auto const& bytes : *hops)
                for (int64_t from = 0; from < comm_.size(); ++from)
                    for (int64_t to = 0; to < comm_.size(); ++to)
                        record.metadata(l, 0, from, to) += bytes(from, to);
    }

    /// Rows and padding of all hops, there or back. Padding that does not return stays behind.
    void keep_exchange(RunRecord& record, int64_t step, int64_t l, Direction direction,
                       LayerTraffic const& sent) {
        bool const there = direction == Direction::dispatch;
        bool const pads = there || returns_padding(replay_.algorithm);
        std::vector<Array<int64_t, 2>> hops;
        for (std::size_t h = 0; h < sent.rows.size(); ++h) {
            auto& bytes = hops.emplace_back(Array<int64_t, 2>({comm_.size(), comm_.size()}));
            for (int64_t from = 0; from < comm_.size(); ++from)
                for (int64_t to = 0; to < comm_.size(); ++to)
                    (there ? bytes(from, to) : bytes(to, from)) =
                        (sent.rows[h](from, to) + (pads ? sent.padding[h](from, to) : 0)) *
                        (there ? record.dispatch_row_bytes : record.combine_row_bytes);
        }
        if (!there) std::ranges::reverse(hops);
        auto const schedule = exchange_schedule(
            there ? replay_.algorithm : return_algorithm(replay_.algorithm), hops);
        dependencies_.note(step, l, direction, dependencies(schedule));
        keep_wire(record, l, direction, schedule);
    }

    void keep_wire(RunRecord& record, int64_t layer, Direction direction,
                   ExchangeSchedule const& schedule) const {
        record.hops = std::max(record.hops, schedule.hops);
        auto const wire = wire_bytes(schedule, replay_.topology);
        for (int64_t r = 0; r < wire.extent(0); ++r)
            for (int64_t c = 0; c < wire.extent(1); ++c)
                record.wire(layer, static_cast<int64_t>(direction), r, c) += wire(r, c);
    }

    ReplayCase const& replay_;
    Communicator const& comm_;
    Placement placement_;  // of the step
    StagedKernel kernel_;
    std::unique_ptr<Stream> stream_;
    Router* router_;
    std::optional<RouterRecord> routed_;
    ReplicaChooser replicas_;
    MoeLayer layer_;
    MonotonicClock clock_;
    PhaseRecorder recorder_;
    // Of one step:
    Array<int64_t, 2> received_, recorded_;  // [L, E] assignments: as arrived, as in the trace
    Array<int64_t, 2> unrouted_;             // [L, 1] choices that name no expert
    Array<int64_t, 2> rank_tokens_;          // [L, R]
    int hops_;
    TrafficCount traffic_;
    DependencyLog dependencies_;  // on rank 0
    PhaseBounds bounds_;
    HostBuffer signatures_, vectors_;
    RowBuffer sent_, out_;
    HostCopy returned_;
    std::vector<float> expected_, bound_;
    int64_t identities_ = 0;
    Findings findings_;
};

}  // namespace

Survey survey(ReplayCase const& replay, Communicator const& comm,
              std::span<Exchange* const> exchanges, RunRecord& record, Router* router,
              std::function<void(int step)> const& before_step) {
    auto found = Surveyor(replay, comm, exchanges, router).run(record, before_step);
    if (router) router->keep_outcomes(false);
    return found;
}

}  // namespace epsim
