#pragma once

#include <span>
#include <vector>

#include "trace/place_order.hpp"
#include "trace/source_shares.hpp"
#include "trace/token_words.hpp"

namespace epsim {

/// Which order of popularity each token follows: its source's own with probability `affinity`, else
/// the one that all sources share.
class Favourites {
public:
    /// \throws InputError on parameters out of range
    Favourites(RoutingOptions const& routing, PlaceOrder order, SourceShares sources);

    /// The orders of one step and layer; remembers the last source's.
    class Orders {
    public:
        Orders(Favourites const& favourites, StepId step, LayerId layer)
            : favourites_(favourites),
              step_(step),
              layer_(layer),
              common_(favourites.order_.common(step, layer)) {}
        /// [E] the expert at each place.
        std::span<ExpertId const> of(TokenWords const& words, int64_t token) {
            if (favourites_.affinity_ > 0 && favourites_.follows_own(words, token))
                return own(favourites_.sources_.of(token));
            return common_;
        }

    private:
        std::span<ExpertId const> own(int32_t source);

        Favourites const& favourites_;
        StepId step_;
        LayerId layer_;
        std::vector<ExpertId> common_, own_;
        int32_t source_ = -1;
    };
    SourceShares const& sources() const noexcept { return sources_; }

private:
    bool follows_own(TokenWords const& words, int64_t token) const noexcept {
        auto const word = words(token, TokenWords::affinity_block);
        return uniform01_open(word[0], word[1]) <= affinity_;
    }

    double affinity_;
    PlaceOrder order_;
    SourceShares sources_;
};

}  // namespace epsim
