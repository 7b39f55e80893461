#pragma once

#include <map>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "cluster/cluster_topology.hpp"
#include "measure/run_record.hpp"

namespace epsim {

using Provenance = std::map<std::string, std::map<std::string, std::string>>;

/// What this process runs on: build, mpi, cuda, nccl, libraries (versions as loaded), job (an
/// allow-list of the environment: no secrets), machine.
Provenance collect_provenance();

/// Where every rank runs, [R] on all ranks. Collective.
std::vector<RankPlace> collect_topology(Communicator const& comm, ClusterTopology const& cluster);

/// "2026-11-22T06:50:00Z" now.
std::string utc_now();

/// A random UUID (RFC 9562, version 4).
std::string random_uuid();

}  // namespace epsim
