#include "layer/value_check.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <set>
#include <tuple>

#include "core/rng.hpp"
#include "layer/oracle.hpp"
#include "layer/token_vectors.hpp"
#include "model/formulas.hpp"

namespace epsim {
namespace {

constexpr double auto_flops = 20e9;
constexpr int64_t flush_bytes = 64 << 20;  // of outputs collected, over all ranks

/// Drawing a weight costs about as much as this many floating-point operations.
constexpr double flops_per_draw = 4;

/// The seeded sample of a step's tokens, the same on every rank.
std::set<int64_t> sampled_tokens(ReplayCase const& replay, StepId step, int layer, int64_t count) {
    CounterRng const rng(replay.spec.seed, RngStream::sample);
    int64_t const tokens = replay.source.info().tokens_of(step);
    std::set<int64_t> chosen;
    for (int64_t i = 0; i < count && tokens > 0; ++i) {
        auto const w = rng.words(static_cast<uint32_t>(index(step)), static_cast<uint32_t>(layer),
                                 static_cast<uint64_t>(i));
        chosen.insert(
            static_cast<int64_t>((uint64_t{w[0]} << 32 | w[1]) % static_cast<uint64_t>(tokens)));
    }
    return chosen;
}

}  // namespace

SampleSize sample_size(ReplayCase const& replay) {
    auto const& verify = replay.measure.verify;
    if (verify == "full") return {true, 0};
    int64_t tokens = 0;
    if (std::from_chars(verify.data(), verify.data() + verify.size(), tokens).ec == std::errc{})
        return {false, static_cast<double>(tokens)};
    auto const per_token = static_cast<double>(token_flops(replay.spec.shape));
    double const outputs = static_cast<double>(replay.source.info().tokens()) * replay.spec.layers;
    if (outputs * per_token <= auto_flops) return {true, 0};
    // A sampled token may be the only one to need its experts' weights: half a draw a FLOP.
    double const step_layers = static_cast<double>(replay.steps()) * replay.spec.layers;
    return {false, auto_flops / (per_token * (1 + flops_per_draw / 2)) / step_layers};
}

ValueCheck::ValueCheck(ReplayCase const& replay, Communicator const& comm, Heartbeat* heartbeat)
    : replay_(replay), comm_(comm), heartbeat_(heartbeat), size_(sample_size(replay)) {}

void ValueCheck::collect(StepInput const& input, int layer, BufferView out) {
    auto const hidden = static_cast<std::size_t>(out.width);
    auto const add = [&](std::size_t i) {
        auto const& routing = input.routing[static_cast<std::size_t>(layer)];
        auto const first = static_cast<std::ptrdiff_t>(i) * routing.top_k;
        Sample sample{
            index(input.step),
            layer,
            input.tokens[i],
            {routing.expert.begin() + first, routing.expert.begin() + first + routing.top_k},
            {routing.weight.begin() + first, routing.weight.begin() + first + routing.top_k},
            std::vector<float>(hidden)};
        dispatch_dtype(out.type, [&]<class T>(T) {
            auto const* row = out.as<T>() + static_cast<int64_t>(i) * out.width;
            for (std::size_t c = 0; c < hidden; ++c) sample.out[c] = to_float(row[c]);
        });
        samples_.push_back(std::move(sample));
    };
    if (size_.all) {
        for (std::size_t i = 0; i < input.tokens.size(); ++i) add(i);
        return;
    }
    for (int64_t const token :
         sampled_tokens(replay_, input.step, layer, tokens_of(input.step, layer))) {
        auto const at = std::ranges::lower_bound(input.tokens, token);
        if (at != input.tokens.end() && *at == token)
            add(static_cast<std::size_t>(at - input.tokens.begin()));
    }
}

/// Rates below one a step and layer still add up to the whole sample.
int64_t ValueCheck::tokens_of(StepId step, int layer) const {
    double const position = static_cast<double>(index(step)) * replay_.spec.layers + layer;
    return static_cast<int64_t>(std::ceil((position + 1) * size_.tokens) -
                                std::ceil(position * size_.tokens));
}

bool ValueCheck::full() const {
    return comm_.all_sum(static_cast<int64_t>(samples_.size()) * replay_.spec.shape.hidden *
                         static_cast<int64_t>(sizeof(float))) > flush_bytes;
}

/// Every rank sees all samples and keeps its share: whole layers if there are enough of them, so
/// that a layer's weights are drawn on one rank only, else equal parts of each layer.
std::vector<ValueCheck::Sample> ValueCheck::share_of_all() const {
    auto const row = static_cast<std::size_t>(replay_.spec.shape.hidden);
    auto const k = static_cast<std::size_t>(replay_.choices());
    std::string blob;
    auto const append = [&](void const* p, std::size_t n) {
        blob.append(static_cast<char const*>(p), n);
    };
    for (auto const& s : samples_) {
        append(&s.step, sizeof s.step);
        append(&s.layer, sizeof s.layer);
        append(&s.token, sizeof s.token);
        append(s.expert.data(), k * sizeof(ExpertId));
        append(s.weight.data(), k * sizeof(float));
        append(s.out.data(), row * sizeof(float));
    }
    std::vector<Sample> all;
    for (auto const& text : comm_.all_gather(blob)) {
        char const* p = text.data();
        auto const take = [&](void* to, std::size_t n) {
            std::memcpy(to, p, n);
            p += n;
        };
        while (p < text.data() + text.size()) {
            Sample s{
                0, 0, 0, std::vector<ExpertId>(k), std::vector<float>(k), std::vector<float>(row)};
            take(&s.step, sizeof s.step);
            take(&s.layer, sizeof s.layer);
            take(&s.token, sizeof s.token);
            take(s.expert.data(), k * sizeof(ExpertId));
            take(s.weight.data(), k * sizeof(float));
            take(s.out.data(), row * sizeof(float));
            all.push_back(std::move(s));
        }
    }
    std::ranges::sort(all, {}, [](Sample const& s) { return std::tie(s.layer, s.step, s.token); });

    int64_t const parts = (comm_.size() + replay_.spec.layers - 1) / replay_.spec.layers;
    std::vector<int64_t> in_layer(static_cast<std::size_t>(replay_.spec.layers));
    for (auto const& s : all) ++in_layer[static_cast<std::size_t>(s.layer)];
    std::vector<Sample> mine;
    int64_t position = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        position = i > 0 && all[i].layer == all[i - 1].layer ? position + 1 : 0;
        int64_t const part = position * parts / in_layer[static_cast<std::size_t>(all[i].layer)];
        if ((all[i].layer * parts + part) % comm_.size() == index(comm_.rank()))
            mine.push_back(std::move(all[i]));
    }
    return mine;
}

void ValueCheck::flush() {
    auto const mine = share_of_all();
    samples_.clear();
    for (std::size_t begin = 0, end = 0; begin < mine.size(); begin = end) {
        while (end < mine.size() && mine[end].layer == mine[begin].layer) ++end;
        compare(std::span(mine).subspan(begin, end - begin));
    }
}

/// \param samples of one layer, sorted by step and token
void ValueCheck::compare(std::span<Sample const> samples) {
    auto const hidden = static_cast<std::size_t>(replay_.spec.shape.hidden);
    int const layer = samples.front().layer;
    TokenVectors const vectors(replay_.spec);
    RoutingBatch routing{replay_.choices(), {}, {}};
    std::vector<float> x;
    for (std::size_t begin = 0, end = 0; begin < samples.size(); begin = end) {
        std::vector<int64_t> tokens;
        for (; end < samples.size() && samples[end].step == samples[begin].step; ++end) {
            auto const& [s, l, token, expert, weight, out] = samples[end];
            tokens.push_back(token);
            routing.expert.insert(routing.expert.end(), expert.begin(), expert.end());
            routing.weight.insert(routing.weight.end(), weight.begin(), weight.end());
        }
        StepId const step{samples[begin].step};
        HostBuffer buffer(replay_.spec.dtype, replay_.spec.shape.hidden);
        BufferView const view = buffer.rows(static_cast<int64_t>(tokens.size()));
        vectors.fill(step, tokens, view);
        dispatch_dtype(view.type, [&]<class T>(T) {
            for (int64_t i = 0; i < view.rows * view.width; ++i)
                x.push_back(to_float(view.as<T>()[i]));
        });
    }
    auto const expected = oracle_outputs(replay_.spec, layer, routing, x, heartbeat_);
    dispatch_error_ += expected.dispatch;
    combine_error_ += expected.combine;
    auto const k = static_cast<std::size_t>(routing.top_k);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        ++checked_;
        std::size_t worst = 0;
        double worst_ratio = 0;
        for (std::size_t c = 0; c < hidden; ++c) {
            double const ratio = std::abs(samples[i].out[c] - expected.value[i * hidden + c]) /
                                 expected.bound[i * hidden + c];
            if (!(ratio <= worst_ratio)) {
                worst = c;
                worst_ratio = std::isnan(ratio) ? INFINITY : ratio;
            }
        }
        max_error_ = std::max(max_error_, worst_ratio);
        if (worst_ratio <= 1) continue;
        findings_.add(
            fmt::format("{}: element {} is {}, the reference gives {} +- {}",
                        describe_token(replay_, StepId{samples[i].step}, layer, samples[i].token,
                                       std::span(routing.expert).subspan(i * k, k)),
                        worst, samples[i].out[worst], expected.value[i * hidden + worst],
                        expected.bound[i * hidden + worst]));
    }
}

}  // namespace epsim
