#include "layer/router.hpp"

#include <fmt/format.h>

#include <limits>
#include <numeric>

#include "comm/mpi_session.hpp"
#include "gate/top_k_gates.hpp"
#include "layer/logit_files.hpp"

namespace epsim {
namespace {

/// Values of a column for tokens that ascend, read in runs of neighbours.
std::vector<int32_t> read_column(RoutingSource const& source, TokenColumn column, StepId step,
                                 std::span<int64_t const> tokens) {
    std::vector<int32_t> values;
    for (std::size_t begin = 0, end = 0; begin < tokens.size(); begin = end) {
        while (end < tokens.size() &&
               tokens[end] - tokens[begin] == static_cast<int64_t>(end - begin))
            ++end;
        auto const run = source.column(
            column, step, {tokens[begin], tokens[begin] + static_cast<int64_t>(end - begin)});
        values.insert(values.end(), run.begin(), run.end());
    }
    return values;
}

std::unique_ptr<NpyArray> open_logits(std::string const& path, TraceInfo const& info) {
    auto file = std::make_unique<NpyArray>(path);
    auto const& shape = file->shape();
    if (shape.size() != 2 || shape[0] < info.tokens() || shape[1] != info.num_experts ||
        file->kind() != NpyArray::Kind::real)
        throw InputError(
            fmt::format("{} is no [tokens, experts] of at least {} tokens and {} experts, of "
                        "floating point. Correct routing.logits or tokens.steps",
                        path, info.tokens(), info.num_experts));
    return file;
}

}  // namespace

Router::Router(ReplayCase const& replay, Communicator const& comm)
    : replay_(replay),
      comm_(comm),
      over_ranks_([this](std::span<int64_t> n) { comm_.all_sum(n); }) {
    auto const& info = replay.source.info();
    // Then each source's tokens are on one rank.
    bool const whole = replay.assign == Assign::recorded && comm.size() <= info.source_count;
    over_sources_ = replay.router.overflow.per_source && whole
                        ? SumOverRanks([](std::span<int64_t>) {})
                        : over_ranks_;
    outcome_.resize(replay.layers.size());
    if (rule().kind == GateKind::none) return;
    auto const& logits = rule().options.logits;
    if (logits == "hidden")
        maker_ = std::make_unique<LogitMaker>(rule().seed, replay.layers, rule().experts,
                                              replay.spec.shape.hidden,
                                              rule().kind == GateKind::noisy_topk);
    if (rule().options.logits_from_file())
        for (int l = 0; l < replay.spec.layers; ++l)
            file_.push_back(open_logits(logit_file(replay, l), info));
    if (rule().has_bias())
        bias_.resize(static_cast<std::size_t>(replay.steps() + 1) * replay.layers.size() *
                     static_cast<std::size_t>(rule().experts));
}

void Router::load(StepInput& input) const {
    auto const& info = replay_.source.info();
    bool const sources = info.has(TokenColumn::source_rank);
    auto& more = input.router;
    more = {};
    on_all_ranks(comm_, [&] {
        auto const tokens = input.tokens.size();
        more.source = sources ? read_column(replay_.source, TokenColumn::source_rank, input.step,
                                            input.tokens)
                              : std::vector<int32_t>(tokens, 0);
        if (rule().kind == GateKind::hash)
            more.token_id =
                info.has(TokenColumn::token_id)
                    ? read_column(replay_.source, TokenColumn::token_id, input.step, input.tokens)
                    : std::vector<int32_t>(input.tokens.begin(), input.tokens.end());
        for (int l = 0; l < replay_.spec.layers && rule().kind != GateKind::none && !maker_; ++l) {
            more.logits.push_back(read_logits(l, input));
            if (file_.empty()) continue;
            try {
                check_finite({more.logits.back(), rule().experts}, input.tokens);
            } catch (InputError const& e) {
                throw InputError(fmt::format("step {}, layer {}: {}", index(input.step),
                                             replay_.layer_number(l), e.what()));
            }
        }
        std::swap(more.given, input.routing);
        input.routing.resize(replay_.layers.size());
    });
    more.source_tokens.resize(static_cast<std::size_t>(sources ? info.source_count : 1));
    for (int32_t const s : more.source) ++more.source_tokens[static_cast<std::size_t>(s)];
    comm_.all_sum(more.source_tokens);
}

/// Drawn, or from a file: logits, and of a noisy gate the noise after them.
std::vector<float> Router::read_logits(int layer, StepInput const& input) const {
    auto const experts = static_cast<std::size_t>(rule().experts);
    std::vector<float> values;
    if (file_.empty()) {
        GateDraws const draws(rule().seed, input.step,
                              replay_.layers[static_cast<std::size_t>(layer)]);
        std::size_t const matrices = rule().kind == GateKind::noisy_topk ? 2 : 1;
        for (std::size_t m = 0; m < matrices; ++m)
            for (int64_t const token : input.tokens)
                for (std::size_t e = 0; e < experts; ++e)
                    values.push_back(
                        draws.normal(Draw::logits, token, static_cast<uint32_t>(m * experts + e)));
        return values;
    }
    auto const& file = *file_[static_cast<std::size_t>(layer)];
    int64_t const first =
        replay_.source.info().step_offset[static_cast<std::size_t>(index(input.step))];
    for (int64_t const token : input.tokens)
        for (double const x : file.reals((first + token) * rule().experts, rule().experts))
            values.push_back(static_cast<float>(x));
    return values;
}

void Router::begin_step(StepInput& input, BufferView x) {
    input_ = &input;
    x_ = x;
}

std::span<float> Router::bias(int step, int layer) {
    if (bias_.empty()) return {};
    auto const n = static_cast<std::size_t>(rule().experts);
    auto const at =
        static_cast<std::size_t>(step) * replay_.layers.size() + static_cast<std::size_t>(layer);
    return std::span(bias_).subspan(at * n, n);
}

Logits Router::make_logits(int layer) {
    int const experts = rule().experts;
    auto const& input = *input_;
    auto const size = input.tokens.size() * static_cast<std::size_t>(experts);
    if (!maker_)
        return {std::span(input.router.logits[static_cast<std::size_t>(layer)]).first(size),
                experts};
    GateDraws const draws(rule().seed, input.step, replay_.layers[static_cast<std::size_t>(layer)]);
    bool const jitters = rule().kind == GateKind::switch_transformer;
    logits_.resize(size);
    maker_->run(x_, input.tokens, layer, LogitMaker::Matrix::logits,
                jitters ? rule().options.jitter : 0, draws, logits_);
    if (rule().kind == GateKind::noisy_topk) {
        noise_.resize(size);
        maker_->run(x_, input.tokens, layer, LogitMaker::Matrix::noise, 0, draws, noise_);
    }
    return {logits_, experts};
}

RoutingBatch Router::choose(int layer, Logits const& logits) {
    auto const& input = *input_;
    auto const at = static_cast<std::size_t>(layer);
    auto const drawn_noise = [&]() -> std::span<float const> {
        auto const& all = input.router.logits[at];
        return std::span(all).subspan(std::min(all.size(), logits.value.size()));
    };
    GateInput const gate{input.step,
                         replay_.layers[at],
                         logits,
                         {maker_ ? std::span<float const>(noise_) : drawn_noise(), rule().experts},
                         input.tokens,
                         input.router.token_id,
                         replay_.source.info().tokens_of(input.step),
                         bias(index(input.step), layer)};
    return run_gate(rule(), gate, over_ranks_);
}

void Router::learn_bias(int layer, RoutingBatch const& chosen) {
    if (bias_.empty()) return;
    std::vector<int64_t> counts(static_cast<std::size_t>(rule().experts));
    for (ExpertId const e : chosen.expert)
        if (e != no_expert) ++counts[static_cast<std::size_t>(index(e))];
    comm_.all_sum(counts);
    auto const next = bias(index(input_->step) + 1, layer);
    std::ranges::copy(bias(index(input_->step), layer), next.begin());
    update_bias(counts, rule().options.bias_rate, next);
}

void Router::run(int layer) {
    auto& input = *input_;
    auto const at = static_cast<std::size_t>(layer);
    Logits logits;
    RoutingBatch chosen;
    if (rule().kind != GateKind::none) {
        logits = make_logits(layer);
        chosen = choose(layer, logits);
        learn_bias(layer, chosen);
    }
    if (!input.router.given.empty()) chosen = input.router.given[at];
    auto& outcome = outcome_[at];
    if (keep_) outcome.sums = routing_sums(chosen, logits, replay_.spec.shape.num_experts);

    auto const& overflow = replay_.router.overflow;
    bool const scored = overflow.reroute == Reroute::next_best;
    auto const score = scored ? score_all(rule().score(), logits) : std::vector<float>{};
    auto accepted = accept({std::move(chosen), input.tokens, input.router.source,
                            input.router.source_tokens, replay_.spec.shape.num_experts, score},
                           overflow, GateDraws(replay_.spec.seed, input.step, replay_.layers[at]),
                           over_sources_);
    input.routing[at] = std::move(accepted.batch);
    outcome.dropped = std::move(accepted.dropped);
    outcome.dropped_weight = accepted.dropped_weight;
    outcome.rerouted = accepted.rerouted;
    outcome.capacity = accepted.capacity.empty()
                           ? std::numeric_limits<double>::quiet_NaN()
                           : static_cast<double>(std::accumulate(
                                 accepted.capacity.begin(), accepted.capacity.end(), int64_t{0}));
}

}  // namespace epsim
