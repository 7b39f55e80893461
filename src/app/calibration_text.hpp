#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "report/text_style.hpp"
#include "store/calibration_file.hpp"

namespace epsim {

/// A calibration as tables: ceilings of each node and rank, then each class of link by size. Of
/// many ranks the first few; the file has all.
std::string calibration_text(CalibrationRecord const& record, TextStyle const& style);

/// The whole of it: {schema, date, ..., rank: [{host, node, read_bandwidth, ...}], node: [...],
/// size: [...], link_seconds: [size][source][destination]}. NaN = null.
nlohmann::ordered_json calibration_json(CalibrationRecord const& record);

}  // namespace epsim
