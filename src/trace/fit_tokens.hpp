#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trace/routing.hpp"

namespace epsim {

/// All tokens of a trace to be fitted, as positions l E + e of what they chose in all layers.
struct TokenTable {
    std::size_t layers, experts, top_k, tokens;
    std::vector<uint32_t> chosen;  ///< [tokens, layers, top_k]

    std::span<uint32_t const> of(std::size_t token) const {
        return std::span(chosen).subspan(token * layers * top_k, layers * top_k);
    }
};

/// \throws InputError if there are no tokens, too many, or some have fewer than top_k experts
TokenTable token_table(RoutingSource const& source);

}  // namespace epsim
