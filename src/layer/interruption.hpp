#pragma once

#include <functional>
#include <string_view>

#include "comm/communicator.hpp"

namespace epsim {

/// Before something untimed: none of its kind is worth finishing once a rank is asked to stop.
/// Collective. \param interrupted may be empty: never   \param stage for the message
/// \throws CollectiveError with ExitCode::interrupted if it is true on any rank
void require_not_interrupted(Communicator const& comm, std::function<bool()> const& interrupted,
                             std::string_view stage);

}  // namespace epsim
