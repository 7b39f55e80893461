#include <algorithm>
#include <cmath>
#include <utility>

#include "trace/option_range.hpp"
#include "trace/score_noise.hpp"
#include "trace/token_sampler.hpp"

namespace epsim {
namespace {

using Score = std::pair<double, ExpertId>;

void keep_best(std::vector<Score>& scores, std::size_t n) {
    std::ranges::partial_sort(scores, scores.begin() + static_cast<std::ptrdiff_t>(n),
                              std::greater{});
    scores.resize(n);
}

class ScoreSampler final : public TokenSampler {
public:
    ScoreSampler(SamplerCase const& c, PopularityModel model)
        : popularity_(model, c.routing, c.num_experts, c.top_k),
          favourites_(c.routing, PlaceOrder(c.routing, c.num_experts), c.sources),
          noise_(c.routing),
          rng_(c.routing.seed, RngStream::routing),
          top_k_(static_cast<std::size_t>(c.top_k)),
          num_experts_(c.num_experts),
          groups_(c.routing.groups),
          groups_kept_(c.routing.groups_kept) {
        require_option(groups_ >= 1 && num_experts_ % groups_ == 0, "routing.groups", groups_,
                       fmt::format("groups divide {} experts evenly", num_experts_));
        require_option(groups_kept_ >= 1 && groups_kept_ <= groups_ &&
                           num_experts_ / groups_ * groups_kept_ >= c.top_k,
                       "routing.groups_kept", groups_kept_,
                       fmt::format("{} of {} groups must hold the {} experts of a token",
                                   groups_kept_, groups_, c.top_k));
    }

    void draw(StepId step, LayerId layer, TokenRange range,
              std::span<ExpertId> expert) const override;

private:
    /// The scores of a source's tokens, by place, brought from token to token.
    class Scores {
    public:
        Scores(ScoreSampler const& sampler, StepId step, LayerId layer)
            : sampler_(sampler),
              step_(step),
              layer_(layer),
              log_weight_(sampler.popularity_.log_weights(step, layer)),
              score_(log_weight_.size()),
              start_(log_weight_.size()),
              span_(log_weight_.size()) {}
        std::span<double const> at(int64_t token);

    private:
        ScoreSampler const& sampler_;
        StepId step_;
        LayerId layer_;
        std::vector<double> log_weight_, score_, start_;
        std::vector<int64_t> span_;
        int32_t source_ = -1;
    };
    void mask_groups(std::vector<Score>& scores) const;
    std::size_t group_of(ExpertId e) const {
        return static_cast<std::size_t>(index(e) / (num_experts_ / groups_));
    }

    StepPopularity popularity_;
    Favourites favourites_;
    ScoreNoise noise_;
    CounterRng rng_;
    std::size_t top_k_;
    int num_experts_, groups_, groups_kept_;
};

std::span<double const> ScoreSampler::Scores::at(int64_t token) {
    auto const& sources = sampler_.favourites_.sources();
    int32_t const source = sources.of(token);
    int64_t const of_source = token - sources.offset()[static_cast<std::size_t>(source)];
    bool const is_new = source != source_;
    source_ = source;
    for (uint32_t place = 0; place < score_.size(); ++place) {
        ScoreNoise::Where const where{step_, source, place};
        if (is_new) start_[place] = sampler_.noise_.start(where);
        int64_t const span = sampler_.noise_.token_span(start_[place], of_source);
        if (!is_new && span == span_[place]) continue;
        span_[place] = span;
        score_[place] = log_weight_[place] + sampler_.noise_.noise(where, span, layer_);
    }
    return score_;
}

void ScoreSampler::mask_groups(std::vector<Score>& scores) const {
    std::vector<std::pair<double, std::size_t>> best;
    for (int g = 0; g < groups_; ++g) best.emplace_back(-INFINITY, g);
    for (auto const& [score, e] : scores) {
        auto& of_group = best[group_of(e)].first;
        of_group = std::max(of_group, score);
    }
    std::ranges::sort(best, std::greater{});
    std::vector<bool> kept(best.size());
    for (int g = 0; g < groups_kept_; ++g) kept[best[static_cast<std::size_t>(g)].second] = true;
    std::erase_if(scores, [&](Score const& s) { return !kept[group_of(s.second)]; });
}

void ScoreSampler::draw(StepId step, LayerId layer, TokenRange range,
                        std::span<ExpertId> expert) const {
    TokenWords const words(rng_, step, layer);
    Scores scores_of(*this, step, layer);
    std::vector<Score> scores;
    auto out = expert.begin();
    Favourites::Orders orders(favourites_, step, layer);
    for (int64_t token = range.begin; token < range.end; ++token) {
        auto const order = orders.of(words, token);
        auto const score = scores_of.at(token);
        scores.clear();
        for (std::size_t place = 0; place < score.size(); ++place)
            scores.emplace_back(score[place], order[place]);
        if (groups_kept_ < groups_) mask_groups(scores);
        keep_best(scores, top_k_);
        for (auto const& s : scores) *out++ = s.second;
    }
}

}  // namespace

std::unique_ptr<TokenSampler const> score_sampler(SamplerCase const& c, PopularityModel model) {
    return std::make_unique<ScoreSampler>(c, model);
}

}  // namespace epsim
