#include "config/rules.hpp"

#include <fmt/format.h>

#include <cmath>
#include <tuple>

#include "core/error.hpp"
#include "gate/options.hpp"
#include "model/limits.hpp"
#include "schedule/exchange_candidates.hpp"

namespace epsim {
namespace {

int scaled(std::string_view name, int width, double scale) {
    double const exact = width * scale;
    double const rounded = std::round(exact);
    // A ratio such as 1/3 is not exact in binary: allow for its rounding, not for a fraction.
    bool const whole = std::abs(exact - rounded) <= 1e-9 * rounded;
    if (!whole || rounded < 1 || rounded > max_width)
        throw InputError(fmt::format(
            "model.scale = {} makes {} = {} of {} (it must be an integer from 1 to {}). "
            "Choose another ratio",
            scale, name, exact, width, max_width));
    return static_cast<int>(rounded);
}

void validate_overlap(Config const& c) {
    if (c.exchange.chunks > 1 && c.step.micro_batches > 1)
        throw InputError(fmt::format(
            "exchange.chunks = {} and step.micro_batches = {} are both set (tokens are split for "
            "one pipeline: in a layer, or over the layers). Set one of them to 1",
            c.exchange.chunks, c.step.micro_batches));
    if (c.exchange.progress_thread == "on" && c.exchange.chunks == 1 && c.step.micro_batches == 1)
        throw InputError(
            "exchange.progress_thread = on, but nothing overlaps (exchange.chunks and "
            "step.micro_batches are 1). Set one of them, or leave the thread at auto");
}

void validate_placement(Config const& c) {
    auto const& p = c.placement;
    if (!p.file.empty() && (p.strategy != Strategy::linear || p.redundant_slots > 0))
        throw InputError(fmt::format(
            "placement.file = {} does not go with placement.strategy or placement.redundant_slots "
            "(the file says where experts live). Leave out the one or the others",
            p.file));
    if (p.strategy == Strategy::coactivation)
        throw InputError(
            "placement.strategy = coactivation is not planned within a run (all pairs of the trace "
            "are needed on one rank). Use epsim placement make, then placement.file");
    if (p.strategy == Strategy::optimal)
        throw InputError(
            "placement.strategy = optimal is not planned within a run (its limit of time could end "
            "it differently on each rank). Use epsim placement make, then placement.file");
}

void validate_rebalancing(Config const& c) {
    auto const& r = c.placement.rebalance;
    auto const refuse = [](std::string const& what, char const* reason, char const* advice) {
        throw InputError(fmt::format("placement.rebalance with {} ({}). {}", what, reason, advice));
    };
    RebalanceOptions const unset;
    if (!r.any()) {
        if (r.first > 0 || r.window > 0 || r.threshold != unset.threshold ||
            r.layers_per_step > 0 || r.mode != unset.mode || r.strategy != unset.strategy)
            refuse("interval = 0", "nothing is decided then",
                   "Set placement.rebalance.interval, or a preset");
        return;
    }
    if (r.strategy == Strategy::coactivation || r.strategy == Strategy::optimal)
        refuse(fmt::format("strategy = {}", name_of(r.strategy)),
               "it is not planned within a run, as placement.strategy", "Use another");
    if (c.gate_decides())
        refuse("a gate that decides", "the loads of all steps must be known to plan the run",
               "Replay a trace or a generator");
    if (c.measure.exchange_only)
        refuse("measure.exchange_only", "there are no experts to move", "Leave out the one");
    if (c.compute.emulate_us > 0)
        refuse("compute.emulate_us", "emulated experts have no weights to move",
               "Leave out compute.emulate_us");
    if (!c.model.distinct_weights)
        refuse("model.distinct_weights = false", "layers that share weights cannot move them apart",
               "Set model.distinct_weights = true");
    if (c.compute.device == "cuda")
        refuse("compute.device = cuda", "weights move between hosts' memories", "Use --device=cpu");
    if (c.exchange.chunks > 1 || c.step.micro_batches > 1)
        refuse("exchange.chunks or step.micro_batches above 1",
               "passes are compared with those in which experts stay, not with those without "
               "overlap",
               "Leave out the one or the other");
    if (c.measure.start == "free")
        refuse("measure.start = free", "each pass begins anew with the first placement",
               "Use measure.start = aligned");
}

void validate_gate(Config const& c) {
    auto const& g = c.gate;
    if (g.capacity_factor.value_or(1) <= 0 && g.capacity_policy != CapacityPolicy::tutel)
        throw InputError(fmt::format(
            "routing.capacity_factor = {} does not go with routing.capacity_policy = {} (0 and "
            "less have a meaning for tutel only). Use a positive factor",
            *g.capacity_factor, name_of(g.capacity_policy)));
    if (g.reroute == Reroute::next_best && g.gate == GateKind::none)
        throw InputError(
            "routing.reroute = next-best without routing.gate (a gate's scores say which expert is "
            "next). Set routing.gate, or routing.reroute = random");
    if (g.logits != "hidden" && g.jitter > 0 && g.gate == GateKind::switch_transformer)
        throw InputError(fmt::format(
            "routing.jitter = {} does not go with routing.logits = {} (it changes hidden vectors). "
            "Use routing.logits = hidden, or routing.jitter = 0",
            g.jitter, g.logits));
    if (g.logits_from_file() && g.gate == GateKind::noisy_topk)
        throw InputError(fmt::format(
            "routing.gate = noisy-topk does not go with routing.logits = {} (which has no noise). "
            "Use routing.logits = hidden or drawn",
            g.logits));
    if (g.budget_ranks > c.shape.num_experts)
        throw InputError(fmt::format(
            "routing.budget_ranks = {} exceeds model.num_experts = {} (a rank has an expert). "
            "Lower routing.budget_ranks",
            g.budget_ranks, c.shape.num_experts));
    for (auto const* algorithm : {auto_algorithm, "padded"})
        if (c.gate_decides() && c.exchange.algorithm == algorithm)
            throw InputError(fmt::format(
                "exchange.algorithm = {} does not go with routing.gate = {} without a trace or a "
                "generator (it looks at the routing before the run). Name another algorithm",
                algorithm, name_of(g.gate)));
    if (c.measure.exchange_only &&
        (g.gate != GateKind::none || g.capacity_policy != CapacityPolicy::none))
        throw InputError(
            "measure.exchange_only runs no gate and knows no capacity (rows travel as recorded). "
            "Leave routing.gate and routing.capacity_policy out");
}

void validate_routing(Config const& c, std::map<std::string, std::string> const& origin) {
    bool const traced = !c.routing.trace.empty();
    bool const generated = !c.routing.generator.empty() || c.gate_decides();
    if (!traced && !generated)
        throw InputError(
            "neither routing.trace, routing.generator nor routing.gate is set (one of them says "
            "which experts tokens go to). Set one, for example --routing.generator=zipf");
    if (traced && generated)
        throw InputError(fmt::format(
            "routing.trace ({}) and routing.generator ({}) are both set (routing comes from one of "
            "them). Set the other to none",
            origin.at("routing.trace"), origin.at("routing.generator")));
    if (traced && c.tokens.per_rank > 0)
        throw InputError(fmt::format(
            "tokens.per_rank = {} does not go with routing.trace (it only feeds generators). "
            "Use tokens.per_step",
            c.tokens.per_rank));
    bool const fitted = c.routing.generator == "fit";
    if (fitted != !c.routing.fit.empty())
        throw InputError(fmt::format(
            "routing.generator = {} {} routing.fit (the file is what fit alone is made from). {}",
            c.routing.generator.empty() ? "none" : c.routing.generator, fitted ? "without" : "with",
            fitted ? "Set --routing.fit=FILE" : "Leave the file out, or set the generator to fit"));
    if (generated && (c.tokens.per_step > 0) == (c.tokens.per_rank > 0))
        throw InputError(fmt::format(
            "tokens.per_step = {} and tokens.per_rank = {} do not say what a generator makes "
            "(one of them must be positive, the other 0). Set one",
            c.tokens.per_step, c.tokens.per_rank));
}

void validate_exchange(Config const& c) {
    bool const is_plugin = c.exchange.backend == "plugin";
    if (is_plugin && c.exchange.plugin.empty())
        throw InputError(
            "exchange.backend = plugin without exchange.plugin (which names the library). Set "
            "--exchange.plugin=FILE");
    if (!is_plugin && !c.exchange.plugin.empty())
        throw InputError(fmt::format(
            "exchange.plugin = {} does not go with exchange.backend = {} (which uses no plugin). "
            "Set exchange.backend = plugin, or leave the plugin out",
            c.exchange.plugin, c.exchange.backend));
    if (is_plugin && c.exchange.algorithm != ExchangeOptions{}.algorithm)
        throw InputError(fmt::format(
            "exchange.algorithm = {} does not go with exchange.backend = plugin (which has its "
            "own). Leave the algorithm out",
            c.exchange.algorithm));
    if (c.exchange.backend == "local" && c.exchange.algorithm == "allgather")
        throw InputError(
            "exchange.algorithm = allgather with exchange.backend = local (which gathers nothing). "
            "Use exchange.backend = mpi, or another algorithm");
    if (c.exchange.capacity > 0 && c.exchange.algorithm != "padded")
        throw InputError(fmt::format(
            "exchange.capacity = {} with exchange.algorithm = {} (which sends what there is). Use "
            "exchange.algorithm = padded, or leave the capacity out",
            c.exchange.capacity, c.exchange.algorithm));
    if (c.exchange.backend == "local" && c.exchange.algorithm == auto_algorithm)
        throw InputError(
            "exchange.algorithm = auto does not go with exchange.backend = local (which has one "
            "way to move rows). Leave the algorithm out");
}

/// What belongs to a device, and what this version does not do on a GPU.
void validate_device(Config const& c) {
    bool const gpu = c.compute.device == "cuda";
    bool const gpu_kernel = c.compute.kernel.starts_with("cublas");
    if (c.compute.kernel != "auto" && gpu != gpu_kernel)
        throw InputError(fmt::format(
            "compute.kernel = {} does not go with compute.device = {} (it runs on the {}). Use "
            "compute.kernel = auto",
            c.compute.kernel, c.compute.device, gpu_kernel ? "GPU" : "CPU"));
    if (!gpu && c.exchange.backend == "nccl")
        throw InputError(
            "exchange.backend = nccl with compute.device = cpu (NCCL moves rows of GPUs). Set "
            "--device=cuda, or use exchange.backend = mpi");
    if (!gpu) return;
    auto const refuse = [](bool refused, std::string_view what, std::string_view advice) {
        if (refused)
            throw InputError(fmt::format(
                "{} with compute.device = cuda (not on a GPU in this version). {}", what, advice));
    };
    refuse(c.exchange.backend == "plugin", "exchange.backend = plugin",
           "Use exchange.backend = nccl, mpi or local");
    refuse(c.exchange.algorithm == auto_algorithm, "exchange.algorithm = auto",
           "Name an algorithm");
    refuse(c.exchange.chunks > 1 || c.step.micro_batches > 1,
           "exchange.chunks or step.micro_batches above 1", "Set both to 1");
    refuse(c.measure.exchange_only, "measure.exchange_only", "Use --device=cpu");
    refuse(c.compute.emulate_us > 0, "compute.emulate_us", "Use --device=cpu");
    refuse(c.gate.gate != GateKind::none || c.gate.capacity_policy != CapacityPolicy::none,
           "routing.gate or routing.capacity_policy", "Leave them out, or use --device=cpu");
}

/// A map of pairs knows plain messages only.
void validate_pairs(Config const& c) {
    if (!c.measure.pairs) return;
    auto const refuse = [](std::string const& what, char const* reason, char const* advice) {
        throw InputError(fmt::format("{} with measure.pairs ({}). {}", what, reason, advice));
    };
    constexpr auto plain = "plain messages between two ranks are measured";
    if (!c.measure.exchange_only)
        refuse("measure.exchange_only = false", "pairs of ranks have no experts",
               "Set --exchange-only");
    for (auto const& [key, value, known] :
         {std::tuple{"exchange.backend", c.exchange.backend, ExchangeOptions{}.backend},
          {"exchange.algorithm", c.exchange.algorithm, ExchangeOptions{}.algorithm},
          {"exchange.traffic", c.exchange.traffic, ExchangeOptions{}.traffic},
          {"exchange.aggressor", c.exchange.aggressor, ExchangeOptions{}.aggressor}})
        if (value != known) refuse(fmt::format("{} = {}", key, value), plain, "Leave it out");
    if (c.measure.target_ci > 0)
        refuse(fmt::format("measure.target_ci = {}", c.measure.target_ci),
               "the best of all passes counts, which has no interval", "Set measure.min_passes");
}

void validate_aggressor(Config const& c) {
    if (c.exchange.aggressor == "none") return;
    auto const refuse = [&](char const* what, char const* reason, char const* advice) {
        throw InputError(fmt::format("{} with exchange.aggressor = {} ({}). {}", what,
                                     c.exchange.aggressor, reason, advice));
    };
    if (!c.measure.exchange_only)
        refuse("measure.exchange_only = false", "exchanges alone are measured beside an aggressor",
               "Set --exchange-only");
    if (c.measure.start == "free")
        refuse("measure.start = free", "load goes on and off between iterations",
               "Set measure.start = aligned");
    if (c.exchange.backend == "local")
        refuse("exchange.backend = local", "it exchanges inside one process",
               "Set exchange.backend = mpi");
}

}  // namespace

void apply_scale(ModelShape& shape, double scale) {
    shape.hidden = scaled("hidden", shape.hidden, scale);
    if (shape.dispatch_hidden > 0)
        shape.dispatch_hidden = scaled("dispatch_hidden", shape.dispatch_hidden, scale);
}

void validate(Config const& c, std::map<std::string, std::string> const& origin) {
    validate(c.shape);
    validate_pairs(c);
    validate_aggressor(c);
    bool const routes = !c.measure.exchange_only || c.exchange.traffic == "recorded";
    if (routes) validate_routing(c, origin);
    validate_gate(c);
    validate_placement(c);
    validate_rebalancing(c);
    validate_exchange(c);
    validate_device(c);
    validate_overlap(c);
}

}  // namespace epsim
