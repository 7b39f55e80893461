#pragma once

#include <string>

namespace epsim {

/// Version of the oneDNN library as loaded: "2.6.3".
std::string onednn_version();

}  // namespace epsim
