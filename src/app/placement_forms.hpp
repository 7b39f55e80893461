#pragma once

#include <filesystem>
#include <string>

#include "store/placement_file.hpp"
#include "trace/formats/recording.hpp"

namespace epsim {

/// A placement of another system, its form told apart by content.
/// \param request one file, and what it does not say
/// \param ranks that share its slots evenly; 0 = the file says it
/// \throws InputError
NamedPlacement import_placement(ImportRequest const& request, int ranks);

/// Write a placement as import_placement() reads it. \param form sglang-placement, trtllm-eplb or
/// omni-placement   \throws InputError if the form cannot say it
void export_placement(NamedPlacement const& named, std::string const& form,
                      std::filesystem::path const& path);

}  // namespace epsim
