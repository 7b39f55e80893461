#pragma once

#include <memory>
#include <span>

#include "trace/favourites.hpp"
#include "trace/options.hpp"
#include "trace/routing.hpp"
#include "trace/step_popularity.hpp"

namespace epsim {

/// Chooses the experts of tokens: a function of (seed, step, layer, token).
class TokenSampler {
public:
    virtual ~TokenSampler() = default;
    /// \param expert [range.size(), top_k]
    virtual void draw(StepId step, LayerId layer, TokenRange range,
                      std::span<ExpertId> expert) const = 0;
};

/// What samplers have in common.
struct SamplerCase {
    RoutingOptions routing;
    int num_experts, top_k;
    SourceShares sources;
};

/// Assignment a of a step, counted over tokens and their places, goes to the a-th expert of the
/// step's order, round and round: of any range of tokens, so of every source too, experts get
/// equally many or one more, and so do the declared ranks if they have equally many experts. A
/// token's experts are on different ranks as far as there are.
std::unique_ptr<TokenSampler const> balanced_sampler(SamplerCase const& c);

/// k experts one after the other by weight, for each token anew.
std::unique_ptr<TokenSampler const> independent_sampler(SamplerCase const& c,
                                                        PopularityModel model);

/// The k experts with the largest scores log w + noise, noise standard Gumbel: the same as k drawn
/// one after the other by weight (Gumbel-top-k; Kool et al., ICML 2019, section 3.2), and so it
/// stays where noise is shared:
///   reuse              each place's noise stays for the source's next token with this probability
///   layer_correlation  the same for the token's next layer
/// Noise stays for spans of 1 / (1 - probability) tokens, rounded down or up in turn, that begin at
/// other tokens for every place. With groups > 1 only the experts of the groups_kept groups whose
/// best scores are largest are chosen from (DeepSeek-V2's rule).
std::unique_ptr<TokenSampler const> score_sampler(SamplerCase const& c, PopularityModel model);

}  // namespace epsim
