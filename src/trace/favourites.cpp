#include "trace/favourites.hpp"

#include "trace/option_range.hpp"

namespace epsim {

Favourites::Favourites(RoutingOptions const& routing, PlaceOrder order, SourceShares sources)
    : affinity_(routing.affinity), order_(std::move(order)), sources_(std::move(sources)) {
    require_option(affinity_ >= 0 && affinity_ <= 1, "routing.affinity", affinity_,
                   "it is a share of tokens, 0 to 1");
}

std::span<ExpertId const> Favourites::Orders::own(int32_t source) {
    if (source != source_) own_ = favourites_.order_.of_source(step_, layer_, source);
    source_ = source;
    return own_;
}

}  // namespace epsim
