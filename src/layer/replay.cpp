#include "layer/replay.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <limits>
#include <memory>

#include "comm/mpi_session.hpp"
#include "device/device_memory.hpp"
#include "layer/emulated_experts.hpp"
#include "layer/interruption.hpp"
#include "layer/moe_layer.hpp"
#include "layer/rebalancer.hpp"
#include "layer/router.hpp"
#include "layer/survey.hpp"
#include "layer/timed_passes.hpp"
#include "layer/token_vectors.hpp"
#include "layer/value_check.hpp"
#include "model/formulas.hpp"

namespace epsim {
namespace {

/// Order-free digest of outputs: equal sums mean equal rows, however tokens are spread over ranks.
uint64_t checksum(int64_t token, BufferView row) {
    uint64_t hash = 0x9E3779B97F4A7C15u ^ static_cast<uint64_t>(token);
    for (int64_t i = 0; i < row.bytes(); ++i) {  // FNV-1a over the row's bytes
        hash ^= static_cast<uint64_t>(row.data[i]);
        hash *= 0x100000001B3u;
    }
    return hash;
}

class Replay {
public:
    Replay(ReplayCase const& replay, Communicator const& comm, ReplayEngine const& engine)
        : replay_(replay),
          comm_(comm),
          engine_(engine),
          // Without a core to spare, waiting awake would keep the own communication waiting.
          emulated_(replay.emulate_us, !replay.overlap.any() && !engine.oversubscribed),
          router_(make_router(replay, comm)),
          replicas_(replay.replicas(comm.rank())),
          layer_(replay.spec, replicas_, engine.exchanges, experts(),
                 emulates() ? nullptr : &engine.local, replay.overlap,
                 Injection(replay.inject, comm.rank()), router_.get()),
          vectors_(replay.spec),
          rebalancer_(make_rebalancer()),
          recorder_(engine.clock, replay.spec.layers, replay.overlap.parts()),
          out_(memory_of(replay.spec.device), replay.spec.dtype, replay.spec.shape.hidden),
          stream_(make_stream(replay.spec.device)) {
        // Freely running iterations leave no time to load: every step stays in memory.
        auto const kept = replay.measure.start == "free" ? replay.steps() : 1;
        for (int s = 0; s < kept; ++s)
            loaded_.push_back({{},
                               {replay.spec.dtype, replay.spec.shape.hidden},
                               {MemoryKind::device, replay.spec.dtype, replay.spec.shape.hidden}});
    }

    RunRecord run() {
        RunRecord record;
        auto surveyed = survey(replay_, comm_, engine_.exchanges, record, router_.get(),
                               [this](int step) { advance("survey", step); });
        require(surveyed.findings);
        emulated_.set_entries(std::move(surveyed.entries));
        if (replay_.measure.verify != "off" && !emulates()) {
            verify_values(record);
        } else if (replay_.measure.warmup == 0) {
            prepare_kernels();
        }
        time_passes(record);
        if (comm_.is_root()) {
            // A phase that is in several parts waits in each, and others run between them.
            if (!replay_.overlap.any()) fill_waits(record, surveyed.dependencies);
            if (emulates()) forget_expert_bounds(record);
            describe(record);
        }
        return record;
    }

private:
    static std::unique_ptr<Router> make_router(ReplayCase const& replay, Communicator const& comm) {
        std::unique_ptr<Router> router;
        if (replay.router.runs())
            on_all_ranks(comm, [&] { router = std::make_unique<Router>(replay, comm); });
        return router;
    }

    std::unique_ptr<Rebalancer> make_rebalancer() {
        if (!replay_.timeline) return nullptr;
        return std::make_unique<Rebalancer>(replay_, comm_, engine_.experts, replicas_);
    }

    void report(char const* stage, int64_t done, int64_t total) const {
        if (engine_.heartbeat) engine_.heartbeat->enter(stage);
        if (comm_.is_root() && engine_.progress) engine_.progress(stage, done, total);
    }

    /// Before an untimed step.
    void advance(char const* stage, int step) const {
        report(stage, step, replay_.steps());
        require_not_interrupted(comm_, engine_.interrupted, stage);
    }

    /// A step's input in memory.
    struct Loaded {
        StepInput input;
        HostBuffer x;     ///< token vectors, model type
        RowBuffer gpu_x;  ///< the same where a GPU computes
        int64_t tokens() const { return std::ssize(input.tokens); }
    };
    Loaded& loaded(int step) { return loaded_[static_cast<std::size_t>(step) % loaded_.size()]; }

    Loaded& load(int step) {
        if (rebalancer_ && step == 0) rebalancer_->rewind();
        auto& into = loaded(step);
        on_all_ranks(comm_, [&] {
            into.input = load_step(replay_, StepId{step}, comm_.size(), comm_.rank());
        });
        if (router_) router_->load(into.input);
        vectors_.fill(into.input.step, into.input.tokens, into.x.rows(into.tokens()));
        if (on_gpu()) {
            copy_rows(into.x.rows(into.tokens()), into.gpu_x.rows(into.tokens()), *stream_);
            stream_->synchronise();
        }
        return into;
    }

    bool on_gpu() const noexcept { return replay_.spec.device != DeviceKind::cpu; }
    /// Where the layer reads a step's token vectors.
    BufferView tokens_of(Loaded& step) {
        return on_gpu() ? step.gpu_x.rows(step.tokens()) : step.x.rows(step.tokens());
    }

    bool emulates() const noexcept { return replay_.emulate_us > 0; }
    ExpertKernel& experts() {
        return emulates() ? static_cast<ExpertKernel&>(emulated_) : engine_.experts;
    }

    enum class Order { overlapping, sequential };
    /// All layers of a step, in its placement.
    /// \param after_layer called when a layer's output is whole
    void forward(Loaded& step, Order order,
                 std::function<void(int, BufferView)> const& after_layer) {
        if (rebalancer_) rebalancer_->enter(index(step.input.step), recorder_);
        forward_in_placement(step, order, after_layer);
        if (rebalancer_) rebalancer_->leave(index(step.input.step), recorder_);
    }

    /// The same in the placement that there is.
    void forward_in_placement(Loaded& step, Order order,
                              std::function<void(int, BufferView)> const& after_layer) {
        emulated_.begin_step(index(step.input.step));
        if (router_) router_->begin_step(step.input, step.x.rows(step.tokens()));
        auto const out = out_.rows(step.tokens());
        auto const after = [&](int layer, MoeLayer::Part const&, bool last) {
            if (!last) return;
            if (after_layer) after_layer(layer, host_out_.of(out, *stream_));
            if (engine_.heartbeat) engine_.heartbeat->beat();
        };
        MoeLayer::Step const work{step.input.routing, tokens_of(step), out};
        order == Order::sequential
            ? layer_.forward_in_sequence(work, recorder_, *stream_, std::ref(after))
            : layer_.forward(work, recorder_, *stream_, std::ref(after));
        stream_->synchronise();
    }

    /// Stop all ranks with the first finding of the lowest rank that has any.
    void require(Findings const& findings) const {
        int64_t const wrong = comm_.all_sum(findings.wrong);
        if (wrong == 0) return;
        for (auto const& first : comm_.all_gather(findings.first))
            if (!first.empty())
                throw CollectiveError(
                    fmt::format("verification failed at {} ({} wrong in all). The exchange or the "
                                "kernel is broken: do not use its timings",
                                first, wrong),
                    ExitCode::verification_failed);
    }

    void verify_values(RunRecord& record) {
        ValueCheck values(replay_, comm_, engine_.heartbeat);
        record.output_checksum = Array<int64_t, 2>({replay_.steps(), replay_.spec.layers});
        for (int s = 0; s < replay_.steps(); ++s) {
            advance("verify", s);
            auto& step = load(s);
            forward(step, Order::overlapping, [&](int l, BufferView out) {
                values.collect(step.input, l, out);
                uint64_t sum = 0;
                for (int64_t i = 0; i < out.rows; ++i)
                    sum += checksum(step.input.tokens[static_cast<std::size_t>(i)],
                                    {out.row(i), out.type, 1, out.width, out.device});
                record.output_checksum(s, l) = std::bit_cast<int64_t>(sum);
                // Beside communication of the next layer there can be no other.
                if (!layer_.crosses_layers() && values.full()) values.flush();
            });
            if (values.full()) values.flush();
        }
        values.flush();
        comm_.all_sum(record.output_checksum.flat());
        record.checked = comm_.all_sum(values.checked());
        record.max_error = comm_.all_max(values.max_error());
        if (record.checked == 0) return require(values.findings());
        record.dispatch_error = over_all_ranks(values.dispatch_error());
        record.combine_error = over_all_ranks(values.combine_error());
        require(values.findings());
    }

    double over_all_ranks(RoundingError error) const {
        std::array<double, 2> sums{error.squared_error, error.squared};
        comm_.all_sum(sums);
        return RoundingError{sums[0], sums[1]}.relative();
    }

    /// One untimed pass, so that no measured one compiles kernels or takes memory.
    void prepare_kernels() {
        for (int s = 0; s < replay_.steps(); ++s) {
            advance("warm-up", s);
            auto& step = load(s);
            forward(step, Order::overlapping, {});
        }
    }

    void time_passes(RunRecord& record) {
        PassWork work{[this](int step) { load(step); },
                      [this](int step) { forward(loaded(step), Order::overlapping, {}); },
                      [this](int64_t done, int64_t total) { report("measure", done, total); },
                      engine_.interrupted,
                      [this] {
                          if (engine_.turns) engine_.turns->next();
                      }};
        if (rebalancer_) {
            work.compared = PassWork::Compared::first_placement;
            work.forward_compared = [this](int step) {
                forward_in_placement(loaded(step), Order::overlapping, {});
            };
        } else if (replay_.overlap.any()) {
            work.compared = PassWork::Compared::sequence;
            work.forward_compared = [this](int step) {
                forward(loaded(step), Order::sequential, {});
            };
        }
        auto const domain =
            engine_.clock_domain.empty() ? host_domains(comm_) : engine_.clock_domain;
        TimedPasses(replay_.measure, replay_.steps(), comm_, engine_.clock, domain, recorder_,
                    std::move(work))
            .run(record);
    }

    /// What nobody computes has no bound.
    static void forget_expert_bounds(RunRecord& record) {
        auto const expert = static_cast<int64_t>(Phase::expert);
        for (int64_t s = 0; s < record.bound.extent(0); ++s)
            for (int64_t l = 0; l < record.bound.extent(1); ++l) {
                record.bound(s, l, expert) = std::numeric_limits<double>::quiet_NaN();
                record.least_bound(s, l, expert) = std::numeric_limits<double>::quiet_NaN();
                record.bound_resource(s, l, expert) = -1;
            }
    }

    void describe(RunRecord& record) const {
        auto const& shape = replay_.spec.shape;
        if (!emulates()) {
            record.flops_per_assignment = static_cast<double>(pair_flops(shape));
            record.local_flops_per_token =
                static_cast<double>(token_flops(shape) - shape.top_k * pair_flops(shape));
        }
        for (int s = 0; s < replay_.steps(); ++s) record.step.push_back(s);
        for (int l = 0; l < replay_.spec.layers; ++l)
            record.layer.push_back(replay_.layer_number(l));
        for (auto const name : link_class_names) record.link_class.emplace_back(name);
        auto const& placement = replay_.placement;
        auto const versions = rebalancer_ ? replay_.timeline->versions() : std::span(&placement, 1);
        record.slot_expert =
            Array<int32_t, 3>({std::ssize(versions), replay_.spec.layers, placement.slots()});
        auto slot = record.slot_expert.flat().begin();
        for (auto const& version : versions)
            for (int l = 0; l < replay_.spec.layers; ++l)
                for (ExpertId const e : version.slot_expert(LayerId{l})) *slot++ = index(e);
        for (int q = 0; q < placement.slots(); ++q)
            record.slot_rank.push_back(index(placement.rank_of(SlotId{q})));
        if (rebalancer_) keep_rebalancing(replay_, rebalancer_->slot_bytes(), record);
    }

    ReplayCase const& replay_;
    Communicator const& comm_;
    ReplayEngine const& engine_;
    EmulatedExperts emulated_;
    std::unique_ptr<Router> router_;
    ReplicaChooser replicas_;
    MoeLayer layer_;
    TokenVectors vectors_;
    std::unique_ptr<Rebalancer> rebalancer_;  // null: experts stay
    PhaseRecorder recorder_;
    std::vector<Loaded> loaded_;
    RowBuffer out_;
    HostCopy host_out_;
    std::unique_ptr<Stream> stream_;
};

}  // namespace

RunRecord replay(ReplayCase const& replay, Communicator const& comm, ReplayEngine const& engine) {
    return Replay(replay, comm, engine).run();
}

}  // namespace epsim
