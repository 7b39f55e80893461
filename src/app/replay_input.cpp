#include "app/replay_input.hpp"

#include <fmt/format.h>

#include "app/rank_layout.hpp"
#include "comm/mpi_session.hpp"
#include "core/text.hpp"
#include "layer/logit_files.hpp"
#include "model/formulas.hpp"
#include "model/layer_choice.hpp"
#include "schedule/exchange_candidates.hpp"
#include "schedule/exchange_routes.hpp"

namespace epsim {
namespace {

RouterRule router_rule(Config const& config, TraceInfo const& info) {
    RouterRule rule{make_gate_rule(config.gate, config.shape, config.routing.seed),
                    make_overflow_rule(config.gate, config.shape), config.gate_decides()};
    int const choices = rule.decides ? rule.gate.choices() : info.top_k;
    for (int64_t s = 0; s < info.steps(); ++s)
        check_order(rule.overflow, info.tokens_of(StepId{narrow<int32_t>(s)}), choices);
    return rule;
}

}  // namespace

ReplayInput::ReplayInput(Config const& config, Communicator const& comm) : trace_(config, comm) {
    auto const& source = trace_.source();
    std::vector<LayerId> layers;
    Assign assign{};
    on_all_ranks(comm, [&] {
        layers = LayerChoice::from(config.model.layers).pick(source.info().layer);
        assign = resolve_assign(config.tokens, source.info(), comm.size());
    });
    LayerSpec const spec{config.shape,
                         config.model.dtype,
                         config.exchange.wire_dtype,
                         config.exchange.combine_dtype,
                         config.exchange.dedup,
                         config.routing.seed,
                         config.model.distinct_weights,
                         narrow<int>(layers.size())};
    topology_ = make_topology(config.cluster, comm);
    placement_ = std::make_unique<RunPlacement>(
        make_run_placement(config, source, layers, assign, *topology_, comm));
    auto const& algorithm = config.exchange.algorithm;
    on_all_ranks(comm, [&] {
        if (algorithm != auto_algorithm)
            exchange_routes(algorithm, placement_->placement, *topology_, spec.dedup, comm.rank());
    });
    case_ = std::make_unique<ReplayCase>(ReplayCase{spec,
                                                    source,
                                                    std::move(layers),
                                                    assign,
                                                    placement_->placement,
                                                    *topology_,
                                                    algorithm,
                                                    config.measure,
                                                    config.inject,
                                                    {},
                                                    {},
                                                    config.compute.emulate_us,
                                                    {}});
    case_->replica_choice = config.placement.replica_choice;
    case_->rebalance_mode = config.placement.rebalance.mode;
    if (placement_->timeline) case_->timeline = &*placement_->timeline;
    on_all_ranks(comm, [&] {
        case_->router = router_rule(config, source.info());
        if (comm.is_root()) logits_sha256_ = logit_files_sha256(*case_);
    });
}

std::string ReplayInput::identity() const {
    std::string text;
    if (auto const hash = trace_.sha256(); !hash.empty())
        text += fmt::format("# sha256 of routing.trace = {}\n", hash);
    if (!placement_->sha256.empty())
        text += fmt::format("# sha256 of placement.file = {}\n", placement_->sha256);
    if (!logits_sha256_.empty())
        text += fmt::format("# sha256 of routing.logits = {}\n", logits_sha256_);
    return text;
}

std::string describe_replay(ReplayCase const& replay) {
    auto const& info = replay.source.info();
    auto const& spec = replay.spec;
    int const ranks = replay.topology.ranks();
    int64_t most = 0;
    for (int64_t s = 0; s < info.steps(); ++s)
        most = std::max(most, info.tokens_of(StepId{narrow<int32_t>(s)}));
    int64_t const assignments = most * replay.choices();
    int64_t const dispatch_row = row_bytes(spec.shape, spec.wire_dtype);
    int64_t const combine_row = row_bytes(spec.shape, spec.combine_dtype);
    // Sent and received rows of both directions, as they are held at once.
    auto const buffers = [&](int64_t sent, int64_t received) {
        return static_cast<double>((sent + received) * (dispatch_row + combine_row));
    };
    int64_t const share = (assignments + ranks - 1) / ranks;
    int64_t experts = 0;  // of the fullest rank
    for (int r = 0; r < ranks; ++r)
        experts = std::max(experts, std::ssize(replay.placement.experts_of(LayerId{0}, RankId{r})));
    int64_t const weight_bytes =
        (experts * expert_params(spec.shape) + replicated_params(spec.shape)) *
        bytes_of(spec.dtype) * (spec.distinct_weights ? spec.layers : 1);
    std::string text;
    auto const row = [&](std::string_view what, std::string const& value) {
        text += fmt::format("{:<52}{}\n", what, value);
    };
    row("ranks", fmt::format("{} on {} node(s)", ranks, replay.topology.nodes()));
    row("replayed",
        fmt::format("{} steps, {} tokens, {} layers", info.steps(), info.tokens(), spec.layers));
    row("experts a rank, at most", std::to_string(experts));
    row("weights a rank, at most", format_bytes(static_cast<double>(weight_bytes)));
    if (replay.timeline) {
        int64_t moves = 0;
        auto const versions = replay.timeline->versions();
        for (std::size_t v = 1; v < versions.size(); ++v)
            moves += std::ssize(moves_between(versions[v - 1], versions[v], replay.topology));
        row("rebalancing in a pass",
            fmt::format("{} decisions, {} of weights moved", replay.timeline->decisions().size(),
                        format_bytes(static_cast<double>(moves * expert_params(spec.shape) *
                                                         bytes_of(spec.dtype)))));
    }
    row("row buffers a rank, balanced, largest step", format_bytes(buffers(share, share)));
    row("row buffers a rank, if one rank gets all", format_bytes(buffers(share, assignments)));
    if (replay.capacity.exists())
        row("rows that a rank sends to each, with padding", std::to_string(replay.capacity.rows));
    row("selected bytes a layer, dispatch, largest step",
        format_bytes(static_cast<double>(assignments * dispatch_row)));
    row("selected bytes a layer, combine, largest step",
        format_bytes(static_cast<double>(assignments * combine_row)));
    row("FLOPs a layer, largest step",
        format_si(static_cast<double>(most) * static_cast<double>(token_flops(spec.shape)),
                  "FLOP"));
    return text;
}

}  // namespace epsim
