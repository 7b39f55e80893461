#pragma once

#include "measure/run_record.hpp"

namespace epsim {

/// group -> key -> value, as in RunRecord::provenance.
using Provenance = decltype(RunRecord::provenance);

/// What this process runs on: groups build, mpi, hdf5, onednn, cuda, nccl (versions as loaded) and
/// machine. Values that are not known are left out. Needs no MPI session.
Provenance local_provenance();

}  // namespace epsim
