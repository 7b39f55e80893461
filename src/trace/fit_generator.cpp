#include "trace/fit_generator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "trace/fit_layout.hpp"
#include "trace/generator.hpp"
#include "trace/generator_info.hpp"
#include "trace/score_noise.hpp"

namespace epsim {
namespace {

RoutingOptions noise_options(RoutingOptions routing, FitModel const& model) {
    routing.reuse = model.noise_stay;
    return routing;
}

class FitSampler final : public TokenSampler {
public:
    FitSampler(FitModel model, RoutingOptions const& routing, SourceShares sources,
               FitLayout layout, int layers)
        : model_(std::move(model)),
          sources_(std::move(sources)),
          layout_(std::move(layout)),
          noise_(noise_options(routing, model_)),
          layers_(layers) {
        for (auto& topic : model_.choice)  // probabilities to logarithms of weights
            for (std::size_t l = 0; l < topic.size(); ++l)
                for (std::size_t e = 0; e < topic[l].size(); ++e) {
                    double const p = std::clamp(topic[l][e], 1e-6, 1 - 1e-3);
                    topic[l][e] = std::log(-std::log1p(-p)) + model_.bias[l][e];
                }
    }

    void draw(StepId step, LayerId layer, TokenRange range,
              std::span<ExpertId> expert) const override;

private:
    FitModel model_;
    SourceShares sources_;
    FitLayout layout_;
    ScoreNoise noise_;
    int layers_;
};

void FitSampler::draw(StepId step, LayerId layer, TokenRange range,
                      std::span<ExpertId> expert) const {
    if (range.size() == 0) return;
    auto const like = static_cast<std::size_t>(int64_t{index(layer)} *
                                               static_cast<int64_t>(model_.layer.size()) / layers_);
    auto const experts = static_cast<std::size_t>(model_.num_experts);
    std::vector<double> noise(experts), start(experts);
    std::vector<int64_t> span(experts);
    std::vector<std::pair<double, ExpertId>> scores(experts);
    int64_t const base = index(step) * sources_.offset().back();
    auto part = layout_.find(base + range.begin);
    int32_t before = -1;
    auto out = expert.begin();
    for (int64_t token = range.begin; token < range.end; ++token) {
        auto const next = part + 1;
        if (next != layout_.parts().end() && next->first == base + token) part = next;
        auto const& topics = model_.sequence[part->sequence].topic;
        auto const topic = static_cast<std::size_t>(
            topics[static_cast<std::size_t>(part->position + base + token - part->first)]);
        auto const& log_weight = model_.choice[topic][like];
        int32_t const source = sources_.of(token);
        int64_t const of_source = token - sources_.offset()[static_cast<std::size_t>(source)];
        for (uint32_t e = 0; e < experts; ++e) {
            ScoreNoise::Where const where{step, source, e};
            if (source != before) start[e] = noise_.start(where);
            auto const now = noise_.token_span(start[e], of_source);
            if (source != before || now != span[e]) noise[e] = noise_.noise(where, now, layer);
            span[e] = now;
            scores[e] = {log_weight[e] + noise[e], static_cast<ExpertId>(e)};
        }
        before = source;
        std::ranges::partial_sort(scores, scores.begin() + model_.top_k, std::greater{});
        for (int j = 0; j < model_.top_k; ++j) *out++ = scores[static_cast<std::size_t>(j)].second;
    }
}

}  // namespace

std::unique_ptr<RoutingSource> make_fit_generator(FitModel model, RoutingOptions const& routing,
                                                  TokenOptions const& tokens, int num_experts,
                                                  int top_k, int layers) {
    if (num_experts != model.num_experts || top_k != model.top_k)
        throw InputError(fmt::format(
            "top-{} of {} experts is asked for, but routing.fit was fitted to top-{} of {} (a "
            "look-alike has what it is like). Use these, or rescale the trace",
            top_k, num_experts, model.top_k, model.num_experts));
    auto info = generator_info(routing, tokens, num_experts, top_k, layers,
                               fmt::format("fit of {}", model.source));
    info.model = model.model;
    SourceShares sources(routing, info.tokens_of(StepId{0}));
    FitLayout layout(model, sources, info.steps(), routing.seed);
    info.sequence_offset = layout.sequence_offset(info.tokens());
    auto sampler = std::make_unique<FitSampler>(
        std::move(model), routing, sources, std::move(layout), static_cast<int>(info.layer.size()));
    return sampled_source(std::move(info), std::move(sources), std::move(sampler), routing.seed);
}

}  // namespace epsim
