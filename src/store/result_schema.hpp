#pragma once

#include <array>
#include <string>
#include <vector>

#include "measure/run_record.hpp"
#include "store/extents.hpp"

namespace epsim {

inline constexpr char const* result_schema = "epsim-result";
inline constexpr std::array<int32_t, 3> result_schema_version{1, 1, 0};

/// Whether a file has an array that is empty in the record, in spite of its axes.
enum class Presence { always, if_known };

/// Where an array of a RunRecord stands in the file.
struct ArrayPlace {
    char const* group;
    char const* name;
    std::vector<char const*> axes;  ///< names in /axes, one a dimension
    char const* units;
    char const* long_name;
    Presence presence = Presence::always;
};

/// Call visit(place, array) for every array of a record (const or not): what the result file's
/// writer and reader agree on.
template <class Record, class Visit>
void for_each_array(Record& r, Visit&& visit) {
    using Axes = std::vector<char const*>;
    Axes const phases{"iteration", "layer", "phase", "rank"};
    visit(ArrayPlace{"time", "start", phases, "s", "start of the phase (NaN = it did not run)"},
          r.time_start);
    visit(ArrayPlace{"time", "end", phases, "s", "end of the phase (NaN = it did not run)"},
          r.time_end);
    visit(ArrayPlace{"time", "wait", phases, "s",
                     "part of a collective phase spent waiting for late ranks (NaN = not known)",
                     Presence::if_known},
          r.time_wait);
    Axes const steps{"iteration", "rank"};
    visit(ArrayPlace{"time", "step_start", steps, "s", "start of the iteration"}, r.step_start);
    visit(ArrayPlace{"time", "step_end", steps, "s", "end of the iteration"}, r.step_end);
    visit(
        ArrayPlace{
            "time", "step_of", {"iteration"}, "1", "replayed step, a position in /axes/step"},
        r.step_of);
    visit(ArrayPlace{"time", "is_warmup", {"iteration"}, "1", "1 = warm-up, not in the statistics"},
          r.is_warmup);
    visit(ArrayPlace{"time",
                     "step_loaded",
                     {"step"},
                     "1",
                     "1 = exchanged while other ranks loaded the network",
                     Presence::if_known},
          r.step_loaded);

    visit(ArrayPlace{"sequential",
                     "phase_seconds",
                     {"step", "layer", "phase", "rank"},
                     "s",
                     "time in the phase without overlap, median (NaN = it did not run)",
                     Presence::if_known},
          r.sequential_phase);
    visit(ArrayPlace{"sequential",
                     "step_seconds",
                     {"step"},
                     "s",
                     "time of the step without overlap, median",
                     Presence::if_known},
          r.sequential_step);

    Axes const clocks{"epoch", "rank"};
    visit(ArrayPlace{"clock", "t_ref", clocks, "s", "reference time of the clock's fit"},
          r.clock_t_ref);
    visit(ArrayPlace{"clock", "offset", clocks, "s", "clock minus rank 0's clock at t_ref"},
          r.clock_offset);
    visit(ArrayPlace{"clock", "slope", clocks, "1", "drift against rank 0's clock"}, r.clock_slope);
    visit(ArrayPlace{"clock", "error", clocks, "s",
                     "bound of the error of times from this epoch to the next"},
          r.clock_error);

    visit(ArrayPlace{"links",
                     "seconds",
                     {"size", "source", "destination"},
                     "s",
                     "one message of a size from source to destination (NaN = not measured)",
                     Presence::if_known},
          r.link_seconds);
    Axes const bounds{"step", "layer", "phase"};
    visit(ArrayPlace{"bounds", "seconds", bounds, "s",
                     "least time of the phase as it is done, T_lb (NaN = no bound)",
                     Presence::if_known},
          r.bound);
    visit(ArrayPlace{"bounds", "least_seconds", bounds, "s",
                     "least time of the phase however it is done, T_lb* (NaN = no bound)",
                     Presence::if_known},
          r.least_bound);
    visit(ArrayPlace{"bounds", "limited_by", bounds, "1",
                     "resource that sets T_lb, a position in /axes/resource (-1 = no bound)",
                     Presence::if_known},
          r.bound_resource);

    Axes const experts{"step", "layer", "expert"};
    visit(ArrayPlace{"load", "step_tokens", {"step"}, "1", "tokens over all ranks"}, r.step_tokens);
    visit(ArrayPlace{"load", "expert_tokens", experts, "1", "assignments that each expert served"},
          r.expert_tokens);
    visit(ArrayPlace{"load",
                     "rank_tokens",
                     {"step", "layer", "rank"},
                     "1",
                     "assignments that each rank's experts received"},
          r.rank_tokens);
    visit(ArrayPlace{"load", "dropped", experts, "1", "assignments refused for lack of capacity"},
          r.dropped);
    visit(ArrayPlace{"load",
                     "source_dropped",
                     {"step", "layer", "declared_source"},
                     "1",
                     "dropped assignments by the source of their token",
                     Presence::if_known},
          r.source_dropped);
    visit(ArrayPlace{"gate",
                     "health",
                     {"step", "layer", "health_figure"},
                     "1",
                     "health figures of the routing (NaN = not known)",
                     Presence::if_known},
          r.health);
    visit(ArrayPlace{"load", "unrouted", {"step", "layer"}, "1", "choices that named no expert"},
          r.unrouted);

    Axes const pairs{"layer", "direction", "source", "destination"};
    visit(ArrayPlace{"traffic", "selected", pairs, "B", "assignments x row bytes, one pass"},
          r.selected);
    visit(ArrayPlace{"traffic", "payload", pairs, "B", "rows sent, without padding, one pass"},
          r.payload);
    visit(ArrayPlace{"traffic", "padding", pairs, "B", "padding rows sent, one pass"}, r.padding);
    visit(ArrayPlace{"traffic", "metadata", pairs, "B", "counts, slots and weights sent, one pass"},
          r.metadata);
    visit(ArrayPlace{"traffic",
                     "wire",
                     {"layer", "direction", "rank", "link_class"},
                     "B",
                     "bytes that the rank sent over each class of link, one pass"},
          r.wire);

    visit(ArrayPlace{"placement",
                     "slot_expert",
                     {"version", "layer", "slot"},
                     "1",
                     "expert in each slot (-1 = empty)"},
          r.slot_expert);
    visit(ArrayPlace{"placement", "slot_rank", {"slot"}, "1", "rank of each slot"}, r.slot_rank);

    visit(ArrayPlace{"rebalance",
                     "step_version",
                     {"step"},
                     "1",
                     "version of the placement that the step has, a position in /axes/version",
                     Presence::if_known},
          r.step_version);
    visit(ArrayPlace{"rebalance",
                     "step_moved",
                     {"step"},
                     "B",
                     "weights that move for the step's placement",
                     Presence::if_known},
          r.step_moved);
    visit(ArrayPlace{"rebalance",
                     "moved_weights",
                     {"source", "destination"},
                     "B",
                     "weights that move in one pass",
                     Presence::if_known},
          r.moved_weights);
    visit(ArrayPlace{"rebalance",
                     "decision_step",
                     {"decision"},
                     "1",
                     "step before which a new placement was decided on",
                     Presence::if_known},
          r.decision_step);
    visit(ArrayPlace{"rebalance",
                     "decision_seconds",
                     {"decision"},
                     "s",
                     "time that planning it took, before all passes",
                     Presence::if_known},
          r.decision_seconds);
    visit(ArrayPlace{"rebalance",
                     "static_step_seconds",
                     {"step"},
                     "s",
                     "time of the step in the first placement, median",
                     Presence::if_known},
          r.static_step);

    visit(ArrayPlace{"validation",
                     "output_checksum",
                     {"step", "layer"},
                     "1",
                     "checksum of all outputs, whatever the number of ranks",
                     Presence::if_known},
          r.output_checksum);
}

/// A column of /topology, per rank.
template <class T>
struct PlaceColumn {
    char const* name;
    T RankPlace::*member;
    char const* long_name;
};
inline std::vector<PlaceColumn<std::string>> const text_place_columns{
    {"hostname", &RankPlace::hostname, "host of the rank"},
    {"device", &RankPlace::device, "device of the rank: cpu, or the GPU's name"},
    {"device_uuid", &RankPlace::device_uuid, "the GPU's UUID"},
    {"pci", &RankPlace::pci, "the GPU's PCI address"},
    {"cpuset", &RankPlace::cpuset, "processors that the rank may run on"}};
inline std::vector<PlaceColumn<int32_t>> const number_place_columns{
    {"node", &RankPlace::node, "number of the rank's node"},
    {"local_rank", &RankPlace::local_rank, "position among the ranks of the node"},
    {"numa", &RankPlace::numa, "NUMA node (-1 = several or unknown)"}};

/// The shape of an array, as HDF5 extents.
template <class T, std::size_t N>
hdf5::Extents extents_of(Array<T, N> const& array) {
    return {array.shape().begin(), array.shape().end()};
}
template <class T>
hdf5::Extents extents_of(std::vector<T> const& values) {
    return {values.size()};
}

}  // namespace epsim
