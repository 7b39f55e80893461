#include "trace/generator.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/text.hpp"
#include "trace/gate_weights.hpp"
#include "trace/generator_info.hpp"
#include "trace/limits.hpp"
#include "trace/popularity.hpp"

namespace epsim {
namespace {

class SampledSource final : public RoutingSource {
public:
    SampledSource(TraceInfo info, SourceShares sources, std::unique_ptr<TokenSampler const> sampler,
                  uint64_t seed)
        : info_(std::move(info)),
          sources_(std::move(sources)),
          sampler_(std::move(sampler)),
          rng_(seed, RngStream::routing) {}

    TraceInfo const& info() const override { return info_; }

    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override {
        check_range(info_, step, layer, range);
        auto const entries = static_cast<std::size_t>(range.size() * info_.top_k);
        RoutingBatch batch{info_.top_k, std::vector<ExpertId>(entries),
                           std::vector<float>(entries)};
        sampler_->draw(step, layer, range, batch.expert);
        draw_gate_weights(TokenWords(rng_, step, layer), range, info_.top_k, batch.weight);
        return batch;
    }

    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override {
        check(info_.has(which), "the source has the column");
        check_range(info_, step, LayerId{0}, range);
        std::vector<int32_t> source;
        source.reserve(static_cast<std::size_t>(range.size()));
        for (int32_t s = 0; s < info_.source_count; ++s) {
            auto const end =
                std::min(sources_.offset()[static_cast<std::size_t>(s) + 1], range.end);
            int64_t const begin = range.begin + static_cast<int64_t>(source.size());
            if (end > begin) source.insert(source.end(), static_cast<std::size_t>(end - begin), s);
        }
        return source;
    }

private:
    TraceInfo info_;
    SourceShares sources_;
    std::unique_ptr<TokenSampler const> sampler_;
    CounterRng rng_;
};

std::string describe(RoutingOptions const& r) {
    if (r.generator == "zipf") return fmt::format("zipf {}", r.zipf_s);
    return r.generator;
}

/// What would be without effect is refused.
void refuse_idle_options(RoutingOptions const& r) {
    bool const changes = r.rotate_every > 0 || r.drift > 0 || r.burst_every > 0;
    bool const shares = r.affinity > 0 || r.reuse > 0 || r.layer_correlation > 0 || r.groups > 1;
    if (r.generator == "balanced" && (changes || shares))
        throw InputError(
            "routing.generator = balanced with options of popularity or of what tokens share (all "
            "experts get the same). Leave them out, or use another generator");
    bool const flat = r.generator == "uniform" && r.drift == 0 && r.burst_every == 0;
    if (flat && (r.affinity > 0 || r.rotate_every > 0))
        throw InputError(
            "routing.generator = uniform with routing.affinity or routing.rotate_every (no expert "
            "is favoured). Leave them out, or use another generator");
}

std::unique_ptr<TokenSampler const> make_sampler(SamplerCase const& c) {
    auto const& r = c.routing;
    if (r.generator == "balanced") return balanced_sampler(c);
    auto const& models = popularity_models();
    auto const model = std::ranges::find(models, r.generator, &NamedPopularity::name)->log_weights;
    bool const by_score = r.reuse != 0 || r.layer_correlation != 0 || r.groups != 1;
    return by_score ? score_sampler(c, model) : independent_sampler(c, model);
}

}  // namespace

std::vector<std::string> const& generator_names() {
    static std::vector<std::string> const names = [] {
        std::vector<std::string> all{"balanced"};
        for (auto const& model : popularity_models()) all.push_back(model.name);
        return all;
    }();
    return names;
}

std::unique_ptr<RoutingSource> make_generator(RoutingOptions const& routing,
                                              TokenOptions const& tokens, int num_experts,
                                              int top_k, int layers) {
    auto const& names = generator_names();
    if (std::ranges::find(names, routing.generator) == names.end())
        throw InputError(fmt::format("routing.generator = '{}' is unknown (nearest: '{}'). Use {}",
                                     routing.generator, nearest(routing.generator, names),
                                     fmt::join(names, ", ")));
    auto info = generator_info(routing, tokens, num_experts, top_k, layers, describe(routing));
    refuse_idle_options(routing);
    SourceShares sources(routing, info.tokens_of(StepId{0}));
    auto sampler = make_sampler({routing, num_experts, top_k, sources});
    return sampled_source(std::move(info), std::move(sources), std::move(sampler), routing.seed);
}

std::unique_ptr<RoutingSource> sampled_source(TraceInfo info, SourceShares sources,
                                              std::unique_ptr<TokenSampler const> sampler,
                                              uint64_t seed) {
    return std::make_unique<SampledSource>(std::move(info), std::move(sources), std::move(sampler),
                                           seed);
}

}  // namespace epsim
