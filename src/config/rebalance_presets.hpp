#pragma once

#include <string_view>
#include <vector>

#include "config/resolve.hpp"

namespace epsim {

/// What placement.rebalance.preset says for keys that nobody set. \param name one of its choices
std::vector<Override> rebalance_preset(std::string_view name);

}  // namespace epsim
