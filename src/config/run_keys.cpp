#include <cstdint>

#include "config/key_makers.hpp"
#include "config/key_table.hpp"
#include "measure/phase.hpp"
#include "model/limits.hpp"
#include "schedule/exchange_candidates.hpp"
#include "schedule/exchange_schedule.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

// A bound that no sane value reaches.
constexpr int max_ranks = 1 << 20;
constexpr int max_chunks = 1024;  // communicators a rank

template <class Field>
Key rounds_key(std::string path, std::string help, int low, Field field) {
    constexpr int max_passes = 1'000'000;
    return integer_key(std::move(path), std::move(help), low, max_passes, field);
}

Key verify_key() {
    Key key = text_key("measure.verify", "compare with the oracle, outside the timing",
                       "auto|full|off|N", CONFIG_FIELD(measure.verify));
    key.allowed = "auto, full, off (or 0), or how many tokens a step and layer";
    key.accepts = {TomlType::text, TomlType::integer};
    key.set = [](Config& config, std::string const& text) {
        bool const word = text == "auto" || text == "full" || text == "off";
        auto const tokens = integer_in(text, 1, most_step_tokens);
        config.measure.verify = tokens ? std::to_string(*tokens) : text == "0" ? "off" : text;
        return word || tokens || text == "0";
    };
    key.get = [](Config const& config) {
        bool const number = integer_in(config.measure.verify, 1, most_step_tokens).has_value();
        return number ? config.measure.verify : toml_quote(config.measure.verify);
    };
    return key;
}

/// A number of bytes, or none.
template <class Field>
Key size_key(std::string path, std::string help, Field field) {
    constexpr int64_t most = int64_t{1} << 40;
    Key key = unbound_key(std::move(path), std::move(help), "BYTES|none",
                          fmt::format("an integer from 0 to {}; K, M and G are powers of 1024; or "
                                      "none",
                                      most),
                          {TomlType::integer, TomlType::text});
    key.set = [=](Config& config, std::string const& text) {
        field(config) = integer_in(text, 0, most);
        return field(config) || text == "none";
    };
    key.get = [=](Config const& config) {
        return field(config) ? fmt::format("{}", *field(config)) : toml_quote("none");
    };
    return key;
}

Key algorithm_key() {
    auto names = exchange_algorithms();
    names.emplace_back(auto_algorithm);
    return choice_key("exchange.algorithm", "how rows move; auto = the fastest in a trial",
                      std::move(names), CONFIG_FIELD(exchange.algorithm));
}

Key traffic_key() {
    Key key = text_key("exchange.traffic", "of exchange-only: who sends how much to whom",
                       "uniform|recorded|FILE", CONFIG_FIELD(exchange.traffic));
    key.words = {"uniform", "recorded"};
    key.kind = ValueKind::input_path;
    return key;
}

Key inject_phase_key() {
    std::vector<std::string> choices(phase_names.begin(), phase_names.end());
    choices.emplace_back("none");
    return choice_key("inject.phase", "a phase to disturb", std::move(choices),
                      CONFIG_FIELD(inject.phase));
}

Key inject_rank_key() {
    Key key = text_key("inject.rank", "the rank to disturb", "INT|all", CONFIG_FIELD(inject.phase));
    key.allowed = "a rank's number, or all";
    key.accepts = {TomlType::integer, TomlType::text};
    key.set = [](Config& config, std::string const& text) {
        auto const rank = integer_in(text, 0, max_ranks - 1);
        config.inject.rank = rank ? static_cast<int>(*rank) : -1;
        return rank || text == "all";
    };
    key.get = [](Config const& config) {
        return config.inject.rank < 0 ? toml_quote("all") : std::to_string(config.inject.rank);
    };
    return key;
}

template <class Field>
Key seconds_key(std::string path, std::string help, Field field) {
    Key key = number_key(std::move(path), std::move(help), 0, "seconds from 0 up", field);
    key.scope = KeyScope::circumstance;
    return key;
}

}  // namespace

std::vector<Key> run_keys() {
    Key plugin = optional_text_key("exchange.plugin", "a library built with epsim_exchange.h",
                                   "FILE", CONFIG_FIELD(exchange.plugin));
    plugin.kind = ValueKind::input_path;
    Key turns = optional_text_key("measure.turns_file",
                                  "measure by turns with other runs that name this file", "FILE",
                                  CONFIG_FIELD(measure.turns_file));
    Key turns_runs = integer_key("measure.turns_runs", "how many runs take turns", 1, 1000,
                                 CONFIG_FIELD(measure.turns_runs));
    turns.scope = turns_runs.scope = KeyScope::circumstance;
    Key output = text_key("output.dir", "the run directory; empty = runs/<time>-<name>", "DIR",
                          CONFIG_FIELD(output_dir));
    output.scope = KeyScope::circumstance;
    return {
        choice_key("tokens.assign", "which rank a token starts on",
                   {"auto", "recorded", "sequence", "contiguous", "round-robin"},
                   CONFIG_FIELD(tokens.assign)),
        integer_key("tokens.per_step", "over all ranks; 0 = as recorded", 0, most_step_tokens,
                    CONFIG_FIELD(tokens.per_step)),
        integer_key("tokens.per_rank", "of each source of a generator", 0, most_step_tokens,
                    CONFIG_FIELD(tokens.per_rank)),
        integer_key("tokens.steps", "steps to replay; 0 = all (a generator: 1)", 0, most_steps,
                    CONFIG_FIELD(tokens.steps)),
        flag_key("tokens.split_sources", "allow more ranks than recorded sources",
                 CONFIG_FIELD(tokens.split_sources)),
        choice_key("exchange.backend", "what moves rows", {"mpi", "nccl", "local", "plugin"},
                   CONFIG_FIELD(exchange.backend)),
        algorithm_key(),
        integer_key("exchange.capacity",
                    "of algorithm padded: rows that every rank sends to every other; 0 = what the "
                    "largest part of a step can need at most",
                    0, INT32_MAX, CONFIG_FIELD(exchange.capacity)),
        plugin,
        traffic_key(),
        choice_key("exchange.aggressor",
                   "of exchange-only: how the last half of the ranks loads the network while the "
                   "first exchanges",
                   {"none", "incast", "allreduce"}, CONFIG_FIELD(exchange.aggressor)),
        choice_key(
            "exchange.dedup", "what a token's assignments share on the wire",
            {dedup_names.begin(), dedup_names.end()}, CONFIG_FIELD(exchange.dedup),
            [](std::string const& text) { return dedup_from(text); },
            [](Dedup d) { return name_of(d); }),
        dtype_key("exchange.wire_dtype", "of dispatched rows; default model.dtype", wire_dtypes,
                  CONFIG_FIELD(exchange.wire_dtype)),
        dtype_key("exchange.combine_dtype", "of returned rows; default model.dtype", compute_dtypes,
                  CONFIG_FIELD(exchange.combine_dtype)),
        integer_key("exchange.chunks",
                    "parts of a rank's tokens of a layer: some travel beside others' experts", 1,
                    max_chunks, CONFIG_FIELD(exchange.chunks)),
        choice_key("exchange.progress_thread",
                   "communicate on a thread of its own where something overlaps",
                   {"auto", "on", "off"}, CONFIG_FIELD(exchange.progress_thread)),
        choice_key("compute.device", "where experts run", {"cpu", "cuda"},
                   CONFIG_FIELD(compute.device)),
        choice_key("compute.kernel", "expert FFN",
                   {"auto", "cpu", "onednn", "reference", "cublas", "cublas-loop"},
                   CONFIG_FIELD(compute.kernel)),
        flag_key("compute.allow_oversubscribe",
                 "let several ranks use one GPU, to check that results are right",
                 CONFIG_FIELD(compute.allow_oversubscribe)),
        integer_key("compute.threads", "a rank; 0 = its share of the cores", 0, 4096,
                    CONFIG_FIELD(compute.threads)),
        number_key("compute.emulate_us",
                   "the experts of a layer take this time a rank instead of being computed; 0 = "
                   "compute them",
                   0, "a number from 0 up", CONFIG_FIELD(compute.emulate_us)),
        integer_key("step.micro_batches",
                    "parts of a rank's tokens that go through all layers, one communicating while "
                    "the other computes",
                    1, 2, CONFIG_FIELD(step.micro_batches)),
        rounds_key("measure.warmup", "passes before the measured ones", 0,
                   CONFIG_FIELD(measure.warmup)),
        rounds_key("measure.min_passes", "measured passes at least", 1,
                   CONFIG_FIELD(measure.min_passes)),
        rounds_key("measure.max_passes",
                   "never more than these, whatever min_passes says; 0 = no limit", 0,
                   CONFIG_FIELD(measure.max_passes)),
        number_key("measure.target_ci",
                   "go on until the step time's 95 % interval is +- this share of it; 0 = do not",
                   0, "a number from 0 up", CONFIG_FIELD(measure.target_ci)),
        choice_key("measure.start", "iterations begin at an agreed moment, or follow each other",
                   {"aligned", "free"}, CONFIG_FIELD(measure.start)),
        verify_key(),
        choice_key("measure.probe", "measure this machine's ceilings at the start",
                   {"quick", "off"}, CONFIG_FIELD(measure.probe)),
        flag_key("measure.exchange_only", "no experts: exchanges of rows alone, size by size",
                 CONFIG_FIELD(measure.exchange_only)),
        flag_key("measure.pairs", "of exchange-only: latency and bandwidth of every pair of ranks",
                 CONFIG_FIELD(measure.pairs)),
        seconds_key("measure.timeout_s",
                    "end after this time, start-up included, and keep what was measured; 0 = never",
                    CONFIG_FIELD(measure.timeout_s)),
        seconds_key("measure.stall_s",
                    "end the job where a rank gets no layer or other piece of work done in this "
                    "time; 0 = never",
                    CONFIG_FIELD(measure.stall_s)),
        turns,
        turns_runs,
        size_key(
            "sizes.begin",
            "of exchange-only: first size, bytes of the busiest rank; none = 8, or as recorded",
            CONFIG_FIELD(sizes.begin)),
        size_key("sizes.end", "last size; none = 64M, or as recorded", CONFIG_FIELD(sizes.end)),
        integer_key("sizes.factor", "each size is so many times the one before", 1, 1 << 30,
                    CONFIG_FIELD(sizes.factor)),
        integer_key(
            "sizes.row_bytes",
            "of a row; 0 = 1 (4096 with rail and hierarchical), of traffic as recorded the model's",
            0, 1 << 30, CONFIG_FIELD(sizes.row_bytes)),
        inject_phase_key(),
        inject_rank_key(),
        number_key("inject.delay_us", "how late the phase is", 0, "a number from 0 up",
                   CONFIG_FIELD(inject.delay_us)),
        number_key("inject.slowdown", "how many times as long the phase takes", 1,
                   "a number from 1 up", CONFIG_FIELD(inject.slowdown)),
        integer_key("cluster.ranks_per_node", "node borders on one host; 0 = by host", 0, max_ranks,
                    CONFIG_FIELD(cluster.ranks_per_node)),
        output,
    };
}

}  // namespace epsim
