#pragma once

#include <vector>

#include "measure/run_record.hpp"
#include "store/hdf5.hpp"

namespace epsim {

/// /events, and the figures of /summary and /ceilings: chunked tables of records, as PyTables and
/// pandas want them.
hdf5::Hid write_events(hid_t file, std::vector<Event> const& events);
hdf5::Hid write_figures(hid_t file, char const* table, std::vector<SummaryRow> const& rows);

/// \throws FileError if the table is absent or lacks a column
std::vector<Event> read_events(hid_t file);
std::vector<SummaryRow> read_figures(hid_t file, char const* table);

}  // namespace epsim
