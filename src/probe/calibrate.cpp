#include "probe/calibrate.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "probe/ceiling_bench.hpp"
#include "probe/hosts.hpp"
#include "probe/link_probe.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr auto figures = ceiling_figures.size();
constexpr double gap_s = 0.3e-3;   // between windows that ranks agreed on: a piece ends within it
constexpr double notice_s = 1e-3;  // to learn of the first of them

/// How long everything takes.
struct Plan {
    double working_set;  ///< in last-level caches
    // Short windows, often: some of them the scheduler leaves whole, even on a busy machine.
    int alone, together;         ///< repetitions
    double alone_s, together_s;  ///< a window of one ceiling
    int64_t largest_message;
    int size_factor;
    double message_s;  ///< of one size
    int all_pairs_up_to;
};

Plan plan_for(ProbeMode mode, bool crowded) {
    if (mode == ProbeMode::full) return {4, 60, 60, 1e-3, 4e-3, 8 << 20, 2, 2e-3, 64};
    return {2, 16, 20, 0.5e-3, 1e-3, 2 << 20, 4, 0.2e-3, crowded ? 16 : 64};
}

class Prober {
public:
    Prober(ProbeOptions const& options, Communicator const& comm, ClusterTopology const& topology,
           int threads)
        : comm_(comm),
          topology_(topology),
          machine_(query_host()),
          hosts_(find_hosts(comm, machine_)),
          on_host_(comm.split(my(hosts_.of_rank))),
          plan_(plan_for(options.mode, hosts_.crowded())),
          sizes_(message_sizes(plan_.largest_message, plan_.size_factor)) {
        bench_.emplace(working_set_bytes(machine_, plan_.working_set, threads, on_host_.size()),
                       threads);
    }

    Calibration run() {
        on_host_.quiet_barrier();
        measure_alone();
        measure_together();
        bench_.reset();
        auto links = message_seconds(
            comm_, pair_rounds(hosts_.of_rank, hosts_.pairs_at_once(), plan_.all_pairs_up_to),
            sizes_, {plan_.message_s});
        for (std::size_t z = 0; z < sizes_.size(); ++z) links(z, index(comm_.rank())) = copies_[z];
        return gather(links);
    }

private:
    template <class T>
    T my(std::vector<T> const& by_rank) const {
        return by_rank[static_cast<std::size_t>(index(comm_.rank()))];
    }

    void measure_alone() {
        for (int turn = 0; turn < on_host_.size(); ++turn) {
            if (turn == index(on_host_.rank())) {
                alone_ = bench_->run({clock_.now(), plan_.alone_s, 0, plan_.alone});
                copies_ = copy_seconds(sizes_, plan_.message_s);
            }
            on_host_.quiet_barrier();
        }
    }

    void measure_together() {
        int const node = topology_.node_of(comm_.rank());
        std::vector<int> nodes;  // of this host, in the order of ranks
        for (std::size_t r = 0; r < hosts_.of_rank.size(); ++r) {
            int const other = topology_.node_of(RankId{static_cast<int32_t>(r)});
            if (hosts_.of_rank[r] == my(hosts_.of_rank) && std::ranges::count(nodes, other) == 0)
                nodes.push_back(other);
        }
        for (int const turn : nodes) {
            Windows const windows{on_host_.broadcast(clock_.now() + notice_s), plan_.together_s,
                                  gap_s, plan_.together};
            if (turn == node) together_ = bench_->run(windows);
            on_host_.quiet_barrier();
        }
    }

    Calibration gather(Array<double, 2> const& links) const {
        auto const alone = comm_.gather(alone_.flat());
        auto const together = comm_.gather(together_.flat());
        auto const seconds = comm_.gather(links.flat());
        if (!comm_.is_root()) return {};
        Calibration result;
        result.rank_repetitions = plan_.alone;
        result.node_repetitions = plan_.together;
        result.size = sizes_;
        std::vector<int> own(static_cast<std::size_t>(comm_.size())), node;
        for (int r = 0; r < comm_.size(); ++r) {
            own[static_cast<std::size_t>(r)] = r;
            node.push_back(topology_.node_of(RankId{r}));
        }
        keep_ceilings(alone, own, comm_.size(), result.rank, result.rank_least);
        keep_ceilings(together, node, topology_.nodes(), result.node, result.node_least);
        keep_links(seconds, result.link_seconds);
        raise_nodes(node, result);
        return result;
    }

    /// Sum up the ranks of a group in each repetition; keep the best and the worst.
    /// \param rates [R, repetition, figure], \param group_of [R]
    void keep_ceilings(std::vector<double> const& rates, std::vector<int> const& group_of,
                       int groups, std::vector<Ceilings>& best,
                       std::vector<Ceilings>& least) const {
        auto const n = static_cast<std::size_t>(groups);
        best.resize(n);
        least.resize(n);
        auto const repetitions = rates.size() / group_of.size() / figures;
        for (std::size_t i = 0; i < repetitions; ++i)
            for (std::size_t f = 0; f < figures; ++f) {
                std::vector<double> sum(n, 0);
                for (std::size_t r = 0; r < group_of.size(); ++r)
                    sum[static_cast<std::size_t>(group_of[r])] +=
                        rates[(r * repetitions + i) * figures + f];
                for (std::size_t g = 0; g < n; ++g) {
                    double& most = best[g].*ceiling_figures[f].value;
                    double& fewest = least[g].*ceiling_figures[f].value;
                    most = std::max(most, sum[g]);
                    fewest = i == 0 ? sum[g] : std::min(fewest, sum[g]);
                }
            }
    }

    /// A node can do what one of its ranks can.
    static void raise_nodes(std::vector<int> const& node_of, Calibration& result) {
        for (std::size_t r = 0; r < node_of.size(); ++r)
            for (auto const& figure : ceiling_figures) {
                double& node = result.node[static_cast<std::size_t>(node_of[r])].*figure.value;
                node = std::max(node, result.rank[r].*figure.value);
            }
    }

    /// \param seconds [R, Z, R] from the lower rank to the higher, and to itself
    void keep_links(std::vector<double> const& seconds, Array<double, 3>& links) const {
        int64_t const ranks = comm_.size(), sizes = std::ssize(sizes_);
        links = Array<double, 3>({sizes, ranks, ranks}, nan);
        for (int64_t low = 0; low < ranks; ++low)
            for (int64_t z = 0; z < sizes; ++z)
                for (int64_t high = low; high < ranks; ++high)
                    links(z, low, high) = links(z, high, low) =
                        seconds[static_cast<std::size_t>((low * sizes + z) * ranks + high)];
    }

    Communicator const& comm_;
    ClusterTopology const& topology_;
    HostInfo machine_;
    Hosts hosts_;
    Communicator on_host_;
    Plan plan_;
    std::vector<int64_t> sizes_;
    Array<double, 2> alone_, together_;  // [repetition, figure] of this rank
    std::vector<double> copies_;         // [Z] s
    std::optional<CeilingBench> bench_;
    MonotonicClock clock_;
};

}  // namespace

Calibration calibrate(ProbeOptions const& options, Communicator const& comm,
                      ClusterTopology const& topology, int threads) {
    return Prober(options, comm, topology, threads).run();
}

}  // namespace epsim
