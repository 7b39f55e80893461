#pragma once

#include <memory>
#include <vector>

#include "exchange/transport.hpp"

namespace epsim {

/// One transport a rank for ranks that are threads of this process: copies instead of messages.
/// Rank r's calls must come from one thread of its own.
std::vector<std::unique_ptr<Transport>> make_local_transports(int ranks);

}  // namespace epsim
