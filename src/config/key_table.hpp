#pragma once

#include <vector>

#include "config/key.hpp"

namespace epsim {

std::vector<Key> model_keys();      ///< [model] beside the shape
std::vector<Key> shape_keys();      ///< [model]: the fields of ModelShape
std::vector<Key> routing_keys();    ///< [routing]: traces and generators
std::vector<Key> gate_keys();       ///< [routing]: gates and capacity
std::vector<Key> placement_keys();  ///< [placement]
std::vector<Key> run_keys();        ///< the other sections

}  // namespace epsim
