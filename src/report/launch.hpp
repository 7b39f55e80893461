#pragma once

#include <map>
#include <string>
#include <vector>

#include "measure/run_record.hpp"

namespace epsim {

/// Texts by key.
using Facts = std::map<std::string, std::string>;

/// One result file, as a comparison takes it: one start of the program with one case.
struct Launch {
    std::string path;
    std::string run_uuid;
    std::string date;  ///< UTC, ISO 8601
    std::string kind;
    std::vector<std::string> tags;  ///< sorted
    Facts config;      ///< its case: every configured value, the number of ranks, the trace's hash
    Facts provenance;  ///< what ran where: program, libraries, machine; nothing that each launch
                       ///< has for itself
    std::vector<SummaryRow> summary;
};

/// One side of a comparison.
struct Side {
    std::string path;  ///< as given
    std::vector<Launch> launches;
};

Launch make_launch(RunRecord const& record, std::string const& path);

/// The launches of a path, in the order of their dates, then paths: a result file, a run's
/// directory, or a directory that holds runs' directories.
/// \throws InputError if it holds none, or one that was interrupted or failed (its steps have not
/// equal repetitions), whose verification found errors, or that cannot be read
Side read_side(std::string const& path);

}  // namespace epsim
