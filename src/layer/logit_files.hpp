#pragma once

#include <string>

#include "layer/replay_case.hpp"

namespace epsim {

/// The .npy file of a replayed layer's logits: routing.logits, with the model's number of the layer
/// for "{layer}".
std::string logit_file(ReplayCase const& replay, int layer);

/// SHA-256 over the replayed layers' files, each by its own hash: what the case is beside its
/// settings. "" where logits come from no file. \throws InputError if one cannot be read
std::string logit_files_sha256(ReplayCase const& replay);

}  // namespace epsim
