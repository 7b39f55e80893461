#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "measure/array.hpp"
#include "measure/phase.hpp"

namespace epsim {

/// Where a rank ran.
struct RankPlace {
    std::string hostname;
    int32_t node = 0;              ///< number of its node; borders may be set by hand on one host
    int32_t local_rank = 0;        ///< position among the ranks of its node
    std::string device;            ///< "cpu", or the GPU's name
    std::string device_uuid, pci;  ///< empty for cpu
    int32_t numa = -1;             ///< -1 = several or unknown
    std::string cpuset;            ///< "0-1"

    bool operator==(RankPlace const&) const = default;
};

/// One interval of a chunk, where a phase ran in several.
struct Event {
    int32_t iteration, layer, rank, phase, chunk;
    int32_t backward;   ///< 0 = forward, 1 = backward
    double start, end;  ///< s, on the synchronised clock

    bool operator==(Event const&) const = default;
};

/// One derived figure. `n` samples; the interval is NaN where none is defined.
struct SummaryRow {
    std::string metric;
    double value;
    std::string unit;
    double ci_low, ci_high;
    int64_t n;
    std::string description;
};

/// Everything that a run leaves behind, as arrays named as in the result file; filled by a
/// measurement or by a prediction, on rank 0. S steps, I iterations, L layers, P phases, R ranks,
/// E experts, V placement versions, Q slots. Times in s, sizes in bytes.
struct RunRecord {
    // What it is.
    std::string run_uuid;
    std::string date;  ///< UTC, ISO 8601
    std::string software_version;
    std::string git_sha;
    bool git_dirty = false;
    std::string status = "complete";  ///< complete | interrupted | failed
    std::string kind = "measured";    ///< measured | oversubscribed | emulated | predicted
    std::vector<std::string> tags;    ///< reshaped, distorted, warm-weights, ...
    std::string config;               ///< resolved TOML
    std::map<std::string, std::map<std::string, std::string>> provenance;  ///< group, key, value
    std::vector<RankPlace> topology;                                       ///< [R]

    // Axes whose labels are data; the others count from 0 or are fixed names.
    std::vector<int32_t> step;            ///< [S] number of the step in its trace
    std::vector<int32_t> layer;           ///< [L] the model's layer number
    std::vector<std::string> link_class;  ///< [C] "self", "node", "network"

    // Time.
    Array<double, 4> time_start, time_end;  ///< [I, L, P, R]; NaN = phase absent
    Array<double, 4> time_wait;  ///< [I, L, P, R] part of a collective phase spent waiting for late
                                 ///< ranks; NaN = local phase, or less than clocks can tell
    Array<double, 2> step_start, step_end;  ///< [I, R]
    std::vector<int32_t> step_of;           ///< [I] index into `step`
    std::vector<uint8_t> is_warmup;         ///< [I]
    std::vector<uint8_t> step_loaded;  ///< [S] 1 = while other ranks load the network; the others
                                       ///< are the same exchanges without; empty = no such run
    std::vector<Event> events;
    // Of steps in several parts (chunks, micro-batches), from passes between the others that do the
    // same tasks one after the other: medians over these passes.
    Array<double, 4> sequential_phase;    ///< [S, L, P, R] s in the phase; NaN = phase absent
    std::vector<double> sequential_step;  ///< [S] s, of an iteration
    Array<double, 2> clock_t_ref, clock_offset, clock_slope, clock_error;  ///< [epoch, R]

    // Ceilings of the machine, measured in the same run, and the bounds that follow from them.
    std::vector<SummaryRow> ceilings;   ///< "memcpy_bandwidth", ...; the value's interval and n
    std::vector<int64_t> size;          ///< [Z] bytes of a message
    Array<double, 3> link_seconds;      ///< [Z, R, R] one message from source to destination
    std::vector<std::string> resource;  ///< what can limit a phase: "memory write", "network", ...
    Array<double, 3> bound, least_bound;  ///< [S, L, P] least time of a phase: T_lb, T_lb*; NaN =
                                          ///< no bound
    Array<int32_t, 3> bound_resource;     ///< [S, L, P] position in `resource`; -1 = no bound

    // Load: (token, expert) assignments.
    std::vector<int64_t> step_tokens;  ///< [S] tokens over all ranks
    Array<int64_t, 3> expert_tokens;   ///< [S, L, E]
    Array<int64_t, 3> rank_tokens;     ///< [S, L, R] assignments that a rank's experts received
    Array<int64_t, 3> dropped;         ///< [S, L, E] refused for lack of capacity
    Array<int64_t, 3> source_dropped;  ///< [S, L, N] the same by declared source; empty = no gate
    std::vector<std::string> health_figure;  ///< [H] "balance_loss", ...
    Array<double, 3> health;                 ///< [S, L, H] of a gate; NaN = not known
    Array<int64_t, 2> unrouted;              ///< [S, L] choices that named no expert (-1)
    int32_t top_k = 0;                       ///< choices of each token
    double flops_per_assignment = 0;         ///< of one (token, expert) pair; 0 = unknown
    double local_flops_per_token = 0;  ///< a layer, of what runs in the expert phase where the
                                       ///< token is: shared experts, dense residual

    // Traffic of one pass of the replayed steps, bytes. D directions; source sends, destination
    // gets.
    Array<int64_t, 4> selected, payload, padding, metadata;  ///< [L, D, R, R]
    Array<int64_t, 4> wire;                                  ///< [L, D, R, C], sent by the rank
    int64_t dispatch_row_bytes = 0, combine_row_bytes = 0;   ///< one row on the wire
    std::string algorithm = "alltoallv";      ///< of the exchange; "auto": of each step its own
    std::vector<std::string> step_algorithm;  ///< [S] then; else empty
    std::string dedup = "none";               ///< what assignments share: none | rank | node
    int32_t parts = 1;     ///< of a rank's tokens that go through a layer one by one (chunks,
                           ///< micro-batches), each with rows and metadata of its own
    int64_t capacity = 0;  ///< rows that every rank sends to every other of a part of a layer, with
                           ///< padding; 0 = as many as there are
    int32_t hops = 1;      ///< most times that a row is handed on; 1 = straight to its destination

    // Placement.
    Array<int32_t, 3> slot_expert;   ///< [V, L, Q]; -1 = empty slot
    std::vector<int32_t> slot_rank;  ///< [Q]

    // Rebalancing; all empty without.
    std::vector<int32_t> step_version;     ///< [S] into slot_expert's versions
    std::vector<int64_t> step_moved;       ///< [S] bytes of weights that move for the step's
                                           ///< placement
    Array<int64_t, 2> moved_weights;       ///< [R, R] the same of a pass, from the source's rank
    std::vector<int32_t> decision_step;    ///< [D] before which a new placement was decided on
    std::vector<double> decision_seconds;  ///< [D] that planning took on rank 0, before all passes
    std::vector<double> static_step;       ///< [S] s of an iteration in the first placement, median
                                           ///< over passes between the others

    // Verification.
    int64_t checked = 0;     ///< (token, layer) outputs compared with the reference by value
    int64_t identities = 0;  ///< (token, expert) rows whose identity was checked
    int64_t wrong = 0;       ///< of both
    double max_error = 0;    ///< largest |difference| / bound of the compared elements
    // Relative root mean square errors, of what was compared; NaN = nothing was.
    double dispatch_error = NAN;        ///< of the vectors that experts got, by the wire's type
    double combine_error = NAN;         ///< of experts' outputs, by the type in which they returned
    Array<int64_t, 2> output_checksum;  ///< [S, L] of all outputs, whatever the number of ranks

    std::vector<SummaryRow> summary;
};

}  // namespace epsim
