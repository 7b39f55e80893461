#include "probe/pair_map.hpp"

#include <algorithm>
#include <climits>
#include <cmath>
#include <limits>

#include "cluster/cluster_topology.hpp"
#include "comm/mpi_session.hpp"
#include "comm/ping_pong.hpp"
#include "device/device_query.hpp"
#include "layer/injection.hpp"
#include "layer/row_pattern.hpp"
#include "probe/hosts.hpp"
#include "probe/pair_rounds.hpp"

namespace epsim {
namespace {

constexpr int64_t trips = 3;  // small both ways; large there; large back

class PairMap {
public:
    PairMap(PairMapCase const& pairs, Communicator const& comm, PairMapEngine const& engine)
        : case_(pairs),
          comm_(comm),
          engine_(engine),
          injection_(pairs.inject, comm.rank()),
          least_({trips, comm.size()}, std::numeric_limits<double>::infinity()) {
        auto const hosts = find_hosts(comm, query_host());
        rounds_ = pair_rounds(hosts.of_rank, hosts.pairs_at_once(), INT_MAX);
        options_.around = [this](std::function<void()> const& messages) {
            injection_.hold_up(Phase::dispatch);
            injection_.run(Phase::dispatch, messages);
        };
    }

    RunRecord run() {
        RunRecord record;
        if (case_.measure.verify != "off") check(record);
        int const most = case_.measure.max_passes, least = case_.measure.min_passes;
        int const passes = case_.measure.warmup + (most > 0 ? std::min(least, most) : least);
        int pass = 0;
        while (pass < passes && tournament("pairs", pass, passes, [&](RankId other) {
                   measure(other, pass >= case_.measure.warmup);
               }))
            ++pass;
        if (pass <= case_.measure.warmup) interrupted();
        if (pass < passes) record.status = "interrupted";
        if (comm_.is_root())
            record.provenance["measure"] = {{"passes", std::to_string(pass)},
                                            {"rounds", std::to_string(rounds_.size())}};
        gather(record);
        return record;
    }

private:
    [[noreturn]] static void interrupted() {
        throw CollectiveError("interrupted before every pair was measured", ExitCode::interrupted);
    }

    /// \param meet called with each partner of this rank \return false if it was interrupted
    template <class Meet>
    bool tournament(char const* stage, int pass, int passes, Meet&& meet) const {
        auto const rounds = std::ssize(rounds_);
        for (int64_t k = 0; k < rounds; ++k) {
            if (engine_.heartbeat) engine_.heartbeat->enter(stage);
            if (comm_.is_root() && engine_.progress)
                engine_.progress(stage, pass * rounds + k, passes * rounds);
            for (auto const& [low, high] : rounds_[static_cast<std::size_t>(k)])
                if (comm_.rank() == low || comm_.rank() == high)
                    meet(comm_.rank() == low ? high : low);
            comm_.quiet_barrier();
            if (!comm_.all_agree(!(engine_.interrupted && engine_.interrupted()))) return false;
        }
        return true;
    }

    void measure(RankId other, bool keep) {
        std::array<RoundTrip, trips> const sizes{RoundTrip{case_.small, case_.small},
                                                 RoundTrip{case_.large, case_.small},
                                                 RoundTrip{case_.small, case_.large}};
        auto const seconds = round_trips(comm_, other, sizes, options_);
        for (std::size_t t = 0; keep && t < seconds.size(); ++t)
            least_(t, index(other)) = std::min(least_(t, index(other)), seconds[t]);
    }

    void check(RunRecord& record) {
        std::vector<std::byte> sent(static_cast<std::size_t>(case_.large)), received(sent.size());
        bool const whole = tournament("check", 0, 1, [&](RankId other) {
            constexpr uint64_t number = 1;
            RowPattern{comm_.rank(), other, number}.fill(sent);
            swap_bytes(comm_, other, sent, received);
            record.wrong +=
                RowPattern{other, comm_.rank(), number}.wrong_rows(received, case_.large);
            ++record.identities;
        });
        if (!whole) interrupted();
        record.wrong = comm_.all_sum(record.wrong);
        record.checked = record.identities = comm_.all_sum(record.identities);
    }

    void gather(RunRecord& record) const {
        auto const all = comm_.gather(least_.flat());
        if (!comm_.is_root()) return;
        int64_t const ranks = comm_.size();
        record.tags = {"exchange-only", "pairs"};
        record.algorithm = "ping-pong";
        record.top_k = 1;
        record.dispatch_row_bytes = record.combine_row_bytes = case_.large;
        for (auto const name : link_class_names) record.link_class.emplace_back(name);
        record.size = {case_.small, case_.large};
        auto& link = record.link_seconds;
        link = Array<double, 3>({2, ranks, ranks}, std::numeric_limits<double>::quiet_NaN());
        for (int64_t low = 0; low < ranks; ++low)
            for (int64_t high = low + 1; high < ranks; ++high) {
                auto const trip = [&](int64_t t) {
                    return all[static_cast<std::size_t>((low * trips + t) * ranks + high)];
                };
                double const latency = trip(0) / 2;
                // A message takes no less than half of a trip on which less came back.
                auto const one_way = [&](double both) {
                    return std::max(both - latency, both / 2);
                };
                link(0, low, high) = link(0, high, low) = latency;
                link(1, low, high) = one_way(trip(1));
                link(1, high, low) = one_way(trip(2));
            }
    }

    PairMapCase const& case_;
    Communicator const& comm_;
    PairMapEngine const& engine_;
    Injection injection_;
    std::vector<std::vector<RankPair>> rounds_;
    PingPongOptions options_;
    Array<double, 2> least_;  // [trip, R] s, of the pairs that this rank leads
};

}  // namespace

RunRecord measure_pairs(PairMapCase const& pairs, Communicator const& comm,
                        PairMapEngine const& engine) {
    return PairMap(pairs, comm, engine).run();
}

}  // namespace epsim
