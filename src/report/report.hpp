#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "measure/run_record.hpp"
#include "report/text_style.hpp"

namespace epsim {

/// A run for a reader at a terminal: what ran and where, how fast, what limits it, load, traffic,
/// whether it was verified. \param path of its file, as shown
/// \throws InputError if the record's arrays disagree
std::string report_text(RunRecord const& record, std::string const& path, TextStyle const& style);

/// What an aggressor did to a run's exchanges, alone: its table, and whether rows were right.
std::string slowdown_text(RunRecord const& record, TextStyle const& style);

/// The same figures for programs; NaN is null. \throws as report_text
nlohmann::json report_json(RunRecord const& record, std::string const& path);

}  // namespace epsim
