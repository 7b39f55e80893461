#pragma once

namespace epsim {

/// The largest sizes that are taken for a model rather than for a slip of the keyboard.
inline constexpr int max_width = 1 << 20;    ///< hidden and intermediate sizes, elements
inline constexpr int max_experts = 1 << 16;  ///< of one layer
inline constexpr int max_layers = 1 << 12;

}  // namespace epsim
