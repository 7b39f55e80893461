#include "layer/replay.hpp"

#include <fmt/format.h>

#include <bit>
#include <limits>

#include "comm/mpi_session.hpp"
#include "layer/aligned_start.hpp"
#include "layer/moe_layer.hpp"
#include "layer/survey.hpp"
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
          layer_(replay.spec, replay.placement, engine.exchange, engine.experts, &engine.local),
          vectors_(replay.spec),
          recorder_(engine.clock, replay.spec.layers),
          x_(replay.spec.wire_dtype, replay.spec.shape.hidden),
          out_(replay.spec.dtype, replay.spec.shape.hidden) {
        auto const& measure = replay.measure;
        passes_ = measure.warmup + (measure.max_passes > 0
                                        ? std::min(measure.min_passes, measure.max_passes)
                                        : measure.min_passes);
    }

    RunRecord run() {
        RunRecord record;
        report("survey", 0, 1);
        Findings const identities = survey(replay_, comm_, engine_.exchange, record);
        require(identities);
        if (replay_.measure.verify != "off") {
            verify_values(record);
        } else if (replay_.measure.warmup == 0) {
            prepare_kernels();
        }
        time_passes(record);
        if (comm_.is_root()) describe(record);
        return record;
    }

private:
    void report(std::string_view stage, int64_t done, int64_t total) const {
        if (comm_.is_root() && engine_.progress) engine_.progress(stage, done, total);
    }

    void load(int step) {
        on_all_ranks(
            comm_, [&] { input_ = load_step(replay_, StepId{step}, comm_.size(), comm_.rank()); });
        auto const tokens = static_cast<int64_t>(input_.tokens.size());
        vectors_.fill(input_.step, input_.tokens, x_.rows(tokens));
    }

    void forward(int layer) {
        auto const tokens = static_cast<int64_t>(input_.tokens.size());
        layer_.forward(LayerId{layer}, input_.routing[static_cast<std::size_t>(layer)],
                       x_.rows(tokens), out_.rows(tokens), recorder_, stream_);
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
        ValueCheck values(replay_, comm_);
        record.output_checksum = Array<int64_t, 2>({replay_.steps(), replay_.spec.layers});
        for (int s = 0; s < replay_.steps(); ++s) {
            report("verify", s, replay_.steps());
            load(s);
            for (int l = 0; l < replay_.spec.layers; ++l) {
                forward(l);
                auto const out = out_.rows(static_cast<int64_t>(input_.tokens.size()));
                values.collect(input_, l, out);
                uint64_t sum = 0;
                for (int64_t i = 0; i < out.rows; ++i)
                    sum += checksum(input_.tokens[static_cast<std::size_t>(i)],
                                    {out.row(i), out.type, 1, out.width, out.device});
                record.output_checksum(s, l) = std::bit_cast<int64_t>(sum);
                if (values.full()) values.flush();
            }
        }
        values.flush();
        comm_.all_sum(record.output_checksum.flat());
        record.checked = comm_.all_sum(values.checked());
        record.max_error = comm_.all_max(values.max_error());
        require(values.findings());
    }

    /// One untimed pass, so that no measured one compiles kernels or takes memory.
    void prepare_kernels() {
        for (int s = 0; s < replay_.steps(); ++s) {
            load(s);
            for (int l = 0; l < replay_.spec.layers; ++l) forward(l);
        }
    }

    void time_passes(RunRecord& record) {
        AlignedStart const start(comm_, engine_.clock);
        auto const iterations = static_cast<int64_t>(passes_) * replay_.steps();
        int64_t const block = replay_.spec.layers * static_cast<int64_t>(phase_count);
        std::vector<double> starts, ends, step_times;  // of this rank, iteration by iteration
        starts.reserve(static_cast<std::size_t>(iterations * block));
        ends.reserve(static_cast<std::size_t>(iterations * block));
        double const origin = comm_.broadcast(engine_.clock.now());
        for (int64_t i = 0; i < iterations; ++i) {
            report("measure", i, iterations);
            load(static_cast<int>(i % replay_.steps()));
            recorder_.begin_iteration();
            double const begin = start.wait();
            for (int l = 0; l < replay_.spec.layers; ++l) forward(l);
            stream_.synchronise();
            double const end = start.to_root(engine_.clock.now());
            step_times.insert(step_times.end(), {begin - origin, end - origin});
            for (double const t : recorder_.start().flat())
                starts.push_back(start.to_root(t) - origin);
            for (double const t : recorder_.end().flat()) ends.push_back(start.to_root(t) - origin);
        }
        report("measure", iterations, iterations);
        gather_times(record, iterations, starts, ends, step_times);
        gather_clock(record, start, origin);
    }

    void gather_times(RunRecord& record, int64_t iterations, std::span<double const> starts,
                      std::span<double const> ends, std::span<double const> step_times) const {
        auto const all_starts = comm_.gather(starts), all_ends = comm_.gather(ends);
        auto const all_steps = comm_.gather(step_times);
        if (!comm_.is_root()) return;
        int64_t const layers = replay_.spec.layers, ranks = comm_.size();
        auto const phases = static_cast<int64_t>(phase_count);
        record.time_start = Array<double, 4>({iterations, layers, phases, ranks});
        record.time_end = record.time_start;
        record.step_start = Array<double, 2>({iterations, ranks});
        record.step_end = record.step_start;
        std::size_t at = 0, step_at = 0;
        for (int64_t r = 0; r < ranks; ++r)
            for (int64_t i = 0; i < iterations; ++i) {
                record.step_start(i, r) = all_steps[step_at++];
                record.step_end(i, r) = all_steps[step_at++];
                for (int64_t l = 0; l < layers; ++l)
                    for (int64_t p = 0; p < phases; ++p, ++at) {
                        record.time_start(i, l, p, r) = all_starts[at];
                        record.time_end(i, l, p, r) = all_ends[at];
                    }
            }
        for (int64_t i = 0; i < iterations; ++i) {
            record.step_of.push_back(static_cast<int32_t>(i % replay_.steps()));
            record.is_warmup.push_back(i / replay_.steps() < replay_.measure.warmup);
        }
    }

    void gather_clock(RunRecord& record, AlignedStart const& start, double origin) const {
        std::array const mine{start.to_root(start.offset().t_ref) - origin, start.offset().offset,
                              start.offset().error};
        auto const all = comm_.gather(std::span<double const>(mine));
        if (!comm_.is_root()) return;
        record.clock_t_ref = Array<double, 2>({1, comm_.size()});
        record.clock_offset = record.clock_slope = record.clock_error = record.clock_t_ref;
        for (int r = 0; r < comm_.size(); ++r) {
            auto const at = 3 * static_cast<std::size_t>(r);
            record.clock_t_ref(0, r) = all[at];
            record.clock_offset(0, r) = -all[at + 1];  // own clock minus rank 0's
            record.clock_error(0, r) = all[at + 2];
        }
    }

    void describe(RunRecord& record) const {
        auto const& shape = replay_.spec.shape;
        record.flops_per_assignment = static_cast<double>(pair_flops(shape));
        record.local_flops_per_token =
            static_cast<double>(token_flops(shape) - shape.top_k * pair_flops(shape));
        for (int s = 0; s < replay_.steps(); ++s) record.step.push_back(s);
        for (int l = 0; l < replay_.spec.layers; ++l)
            record.layer.push_back(replay_.layer_number(l));
        for (auto const name : link_class_names) record.link_class.emplace_back(name);
        auto const& placement = replay_.placement;
        record.slot_expert = Array<int32_t, 3>({1, replay_.spec.layers, placement.slots()});
        for (int l = 0; l < replay_.spec.layers; ++l)
            for (int q = 0; q < placement.slots(); ++q)
                record.slot_expert(0, l, q) =
                    index(placement.slot_expert(LayerId{l})[static_cast<std::size_t>(q)]);
        for (int q = 0; q < placement.slots(); ++q)
            record.slot_rank.push_back(index(placement.rank_of(SlotId{q})));
    }

    ReplayCase const& replay_;
    Communicator const& comm_;
    ReplayEngine const& engine_;
    MoeLayer layer_;
    TokenVectors vectors_;
    PhaseRecorder recorder_;
    HostBuffer x_, out_;
    HostStream stream_;
    StepInput input_;
    int passes_ = 0;
};

}  // namespace

RunRecord replay(ReplayCase const& replay, Communicator const& comm, ReplayEngine const& engine) {
    return Replay(replay, comm, engine).run();
}

}  // namespace epsim
