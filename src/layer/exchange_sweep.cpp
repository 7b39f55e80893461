#include "layer/exchange_sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "comm/mpi_session.hpp"
#include "layer/dependency_log.hpp"
#include "layer/exchange_record.hpp"
#include "layer/injection.hpp"
#include "layer/interruption.hpp"
#include "layer/phase_bounds.hpp"
#include "layer/row_pattern.hpp"
#include "layer/timed_passes.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim {
namespace {

class Sweep {
public:
    Sweep(ExchangeCase const& exchange, Communicator const& comm, ExchangeEngine const& engine)
        : case_(exchange),
          comm_(comm),
          engine_(engine),
          injection_(exchange.inject, comm.rank()),
          recorder_(clock_, exchange.layers()),
          wrong_(exchange.rows.size(), 0) {
        int64_t most = 0;
        for (auto const& step : exchange.rows) {
            auto& blocks = blocks_.emplace_back();
            for (auto const& rows : step)
                most = std::max(most, blocks.emplace_back(rows, comm.rank()).send_offset.back());
        }
        constexpr int64_t line = 64;
        send_ = send_memory_.rows(most * exchange.row_bytes / line + 1).data;
        std::memset(send_, 0, static_cast<std::size_t>(most * exchange.row_bytes));
    }

    ExchangeResult run() {
        ExchangeResult result{exchange_record(case_), {}};
        auto& record = result.record;
        bound(record);
        if (case_.check()) check("check", true);
        time_passes(record);
        if (case_.check()) check("check again", false);
        comm_.all_sum(wrong_);
        record.checked = comm_.all_sum(blocks_checked_);
        record.identities = comm_.all_sum(rows_checked_);
        for (auto const n : wrong_) record.wrong += n;
        result.wrong = wrong_;
        if (comm_.is_root()) fill_waits(record, dependencies());
        return result;
    }

private:
    void bound(RunRecord& record) const {
        double const cache = host_cache_bytes(comm_);
        on_all_ranks(comm_, [&] {
            if (comm_.is_root()) bound_exchange(case_, cache, record);
        });
    }

    void report(char const* stage, int64_t done, int64_t total) const {
        if (engine_.heartbeat) engine_.heartbeat->enter(stage);
        if (comm_.is_root() && engine_.progress) engine_.progress(stage, done, total);
    }

    void prepare(std::size_t step, std::size_t layer) {
        engine_.mover[step]->prepare(static_cast<int>(layer), blocks_[step][layer], send_);
    }

    void move(std::size_t step, std::size_t layer) {
        engine_.mover[step]->move(static_cast<int>(layer));
        if (engine_.heartbeat) engine_.heartbeat->beat();
    }

    /// Every step once, with bytes of its own. \param stops whether an interrupt ends everything
    void check(char const* stage, bool stops) {
        for (std::size_t s = 0; s < blocks_.size(); ++s) {
            report(stage, static_cast<int64_t>(s), case_.steps());
            if (stops) {
                require_not_interrupted(comm_, engine_.interrupted, stage);
            } else if (bool const stop = engine_.interrupted && engine_.interrupted();
                       !comm_.all_agree(!stop)) {
                return;
            }
            set_load(s);
            for (std::size_t l = 0; l < blocks_[s].size(); ++l) wrong_[s] += check(s, l);
        }
    }

    void set_load(std::size_t step) const {
        if (engine_.set_load) engine_.set_load(case_.loaded[step] != 0);
    }

    int64_t check(std::size_t step, std::size_t layer) {
        ++exchanges_;
        auto const& blocks = blocks_[step][layer];
        RankId const me = comm_.rank();
        auto const each = [&](std::vector<int64_t> const& offset, auto&& visit) {
            for (std::size_t r = 0; r + 1 < offset.size(); ++r)
                visit(RankId{static_cast<int32_t>(r)}, offset[r] * case_.row_bytes,
                      static_cast<std::size_t>((offset[r + 1] - offset[r]) * case_.row_bytes));
        };
        each(blocks.send_offset, [&](RankId to, int64_t at, std::size_t bytes) {
            RowPattern{me, to, exchanges_}.fill({send_ + at, bytes});
        });
        prepare(step, layer);
        move(step, layer);
        auto const* received = engine_.mover[step]->received(static_cast<int>(layer));
        int64_t wrong = 0;
        each(blocks.receive_offset, [&](RankId from, int64_t at, std::size_t bytes) {
            wrong += RowPattern{from, me, exchanges_}.wrong_rows({received + at, bytes},
                                                                 case_.row_bytes);
            ++blocks_checked_;
        });
        rows_checked_ += blocks.receive_offset.back();
        return wrong;
    }

    void time_passes(RunRecord& record) {
        PassWork work{[this](int step) { load(static_cast<std::size_t>(step)); },
                      [this](int step) { forward(static_cast<std::size_t>(step)); },
                      [this](int64_t done, int64_t total) { report("measure", done, total); },
                      engine_.interrupted,
                      {}};
        TimedPasses(case_.measure, case_.steps(), comm_, clock_, host_domains(comm_), recorder_,
                    std::move(work))
            .run(record);
    }

    void load(std::size_t step) {
        set_load(step);
        for (std::size_t l = 0; l < blocks_[step].size(); ++l) {
            prepare(step, l);
            move(step, l);
        }
    }

    void forward(std::size_t step) {
        for (std::size_t l = 0; l < blocks_[step].size(); ++l) {
            recorder_.begin_layer(static_cast<int64_t>(l));
            if (injection_.hold_up(Phase::dispatch)) recorder_.skip();
            recorder_.time(Phase::dispatch,
                           [&] { injection_.run(Phase::dispatch, [&] { move(step, l); }); });
        }
    }

    DependencyLog dependencies() const {
        DependencyLog log(case_.steps(), case_.layers());
        for (int64_t s = 0; s < case_.steps(); ++s)
            for (int64_t l = 0; l < case_.layers(); ++l)
                for (auto const direction : {Direction::dispatch, Direction::combine})
                    log.note(s, l, direction, epsim::dependencies(schedule_of(case_, s, l)));
        return log;
    }

    ExchangeCase const& case_;
    Communicator const& comm_;
    ExchangeEngine const& engine_;
    Injection injection_;
    MonotonicClock clock_;
    PhaseRecorder recorder_;
    std::vector<std::vector<Blocks>> blocks_;  // [S][L]
    HostBuffer send_memory_{DType::f32, 16};   // rows of 64 bytes
    std::byte* send_ = nullptr;
    uint64_t exchanges_ = 0;      // that were checked
    std::vector<int64_t> wrong_;  // [S]
    int64_t blocks_checked_ = 0, rows_checked_ = 0;
};

}  // namespace

ExchangeResult measure_exchange(ExchangeCase const& exchange, Communicator const& comm,
                                ExchangeEngine const& engine) {
    return Sweep(exchange, comm, engine).run();
}

}  // namespace epsim
