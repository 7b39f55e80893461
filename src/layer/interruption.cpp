#include "layer/interruption.hpp"

#include <fmt/format.h>

#include "comm/mpi_session.hpp"

namespace epsim {

void require_not_interrupted(Communicator const& comm, std::function<bool()> const& interrupted,
                             std::string_view stage) {
    bool const stop = interrupted && interrupted();
    if (!comm.all_agree(!stop))
        throw CollectiveError(fmt::format("interrupted in {}, before anything was measured", stage),
                              ExitCode::interrupted);
}

}  // namespace epsim
