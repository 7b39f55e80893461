#pragma once

#include <memory>

#include "gate/gate.hpp"
#include "trace/formats/recording.hpp"

namespace epsim {

/// Routing that a gate makes of recorded logits, as one step; biases begin, and stay, at 0.
/// Layers are gated whole, so that gates which look at all tokens may be used; the last one is
/// kept. Not for use by several threads at once.
/// \throws InputError if the gate needs what logits don't say (noise, token ids), or there is not
///         one logit for each of the rule's experts
std::unique_ptr<RoutingSource const> gated_source(RecordedLogits logits, GateRule rule,
                                                  ImportText text);

}  // namespace epsim
