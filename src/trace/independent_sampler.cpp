#include <algorithm>

#include "core/error.hpp"
#include "trace/distinct_sampler.hpp"
#include "trace/gate_weights.hpp"
#include "trace/token_sampler.hpp"

namespace epsim {
namespace {

class IndependentSampler final : public TokenSampler {
public:
    IndependentSampler(SamplerCase const& c, PopularityModel model)
        : popularity_(model, c.routing, c.num_experts, c.top_k),
          favourites_(c.routing, PlaceOrder(c.routing, c.num_experts), c.sources),
          rng_(c.routing.seed, RngStream::routing),
          top_k_(c.top_k),
          fixed_(popularity_.log_weights(StepId{0}, LayerId{0}), c.top_k) {
        check(gate_weight_blocks(top_k_) + fixed_.blocks() < TokenWords::affinity_block,
              "a token's random words suffice");
    }

    void draw(StepId step, LayerId layer, TokenRange range,
              std::span<ExpertId> expert) const override {
        if (popularity_.is_fixed()) return draw_by(fixed_, step, layer, range, expert);
        DistinctSampler const sampler(popularity_.log_weights(step, layer), top_k_);
        draw_by(sampler, step, layer, range, expert);
    }

private:
    void draw_by(DistinctSampler const& sampler, StepId step, LayerId layer, TokenRange range,
                 std::span<ExpertId> expert) const {
        constexpr int64_t piece = 1024;  // tokens whose places stay in a cache
        TokenWords const words(rng_, step, layer);
        Favourites::Orders orders(favourites_, step, layer);
        auto const k = static_cast<std::size_t>(top_k_);
        std::vector<int32_t> room(static_cast<std::size_t>(std::min(piece, range.size())) * k);
        auto out = expert.begin();
        for (int64_t first = range.begin; first < range.end; first += piece) {
            TokenRange const tokens{first, std::min(first + piece, range.end)};
            auto const place = std::span(room).first(static_cast<std::size_t>(tokens.size()) * k);
            sampler.draw(words, gate_weight_blocks(top_k_), tokens, place);
            for (std::size_t i = 0; i < place.size(); i += k) {
                auto const order = orders.of(words, first + static_cast<int64_t>(i / k));
                for (std::size_t j = 0; j < k; ++j)
                    *out++ = order[static_cast<std::size_t>(place[i + j])];
            }
        }
    }

    StepPopularity popularity_;
    Favourites favourites_;
    CounterRng rng_;
    int top_k_;
    DistinctSampler fixed_;
};

}  // namespace

std::unique_ptr<TokenSampler const> independent_sampler(SamplerCase const& c,
                                                        PopularityModel model) {
    return std::make_unique<IndependentSampler>(c, model);
}

}  // namespace epsim
