#pragma once

#include <map>
#include <string>
#include <vector>

#include "measure/run_record.hpp"
#include "store/hdf5.hpp"
#include "store/result_axes.hpp"

namespace epsim {

/// group -> key -> value: where numbers come from.
using ProvenanceFacts = decltype(RunRecord::provenance);

// /provenance: a group of texts each. Reading \throws FileError
void write_provenance(hid_t file, ProvenanceFacts const& provenance);
ProvenanceFacts read_provenance(hid_t file);

// /topology: a column of each member of RankPlace, over the axis "rank".
void write_topology(hid_t file, std::vector<RankPlace> const& places, ResultAxes const& axes);
/// \throws FileError unless every column has `ranks` rows
std::vector<RankPlace> read_topology(hid_t file, std::size_t ranks);

/// The text of a dataset that holds one. \throws FileError
std::string one_text(hid_t group, std::string const& name);

}  // namespace epsim
