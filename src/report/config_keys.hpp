#pragma once

#include <map>
#include <string>

namespace epsim {

/// The values of a resolved configuration by dotted key ("model.hidden"), as TOML writes them but
/// strings without quotes. Text that is no TOML gives none: a report is still due then.
std::map<std::string, std::string> config_keys(std::string const& toml);

}  // namespace epsim
