#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/cluster_topology.hpp"
#include "comm/communicator.hpp"
#include "device/device_query.hpp"
#include "measure/run_record.hpp"

namespace epsim {

/// What the batch system and the user set, from an allow-list of environment variables: the whole
/// environment may hold secrets.
std::map<std::string, std::string> job_environment();

/// Where every rank runs, [R] on all ranks. Collective. \param gpu of this rank; no name = none
std::vector<RankPlace> rank_places(Communicator const& comm, ClusterTopology const& cluster,
                                   GpuInfo const& gpu = {});

/// What ran, where and when: provenance, date, a new UUID, the program's version.
void note_run(RunRecord& record);

/// "2026-11-22T06:50:00Z" now.
std::string utc_now();

/// A random UUID (RFC 9562, version 4).
std::string random_uuid();

}  // namespace epsim
