#pragma once

#include <filesystem>
#include <string>

#include "trace/fit_model.hpp"

namespace epsim {

/// A fit as TOML; probabilities and shares are integers in 1/10000.
std::string fit_text(FitModel const& model);

/// \throws InputError naming the file, if it cannot be read, is no fit, or is over 256 MiB
FitModel read_fit(std::filesystem::path const& path);

}  // namespace epsim
