#pragma once

#include <map>
#include <string>

#include "config/config.hpp"

namespace epsim {

/// Multiply hidden (and dispatch_hidden) by model.scale.
/// \throws InputError unless that gives a positive integer
void apply_scale(ModelShape& shape, double scale);

/// What no key can check alone. \param origin of each key, for messages. \throws InputError
void validate(Config const& config, std::map<std::string, std::string> const& origin);

}  // namespace epsim
