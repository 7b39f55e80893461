#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/dtype.hpp"
#include "model/model_shape.hpp"

namespace epsim {

/// A preset's name and its shape.
using NamedShape = std::pair<std::string, ModelShape>;

/// The catalogue as a table of at most 100 columns.
std::string model_table(std::span<NamedShape const> models);

/// All that is known of one model and follows from its shape, in at most 100 columns.
/// \param ep_sizes ranks that share the experts, \param dtype of the weights in their memory
std::string model_page(NamedShape const& model, std::span<int const> ep_sizes, DType dtype);

/// The same as JSON. Sizes in bytes, FLOP and parameters; shape as in a preset.
nlohmann::ordered_json model_json(NamedShape const& model, std::span<int const> ep_sizes,
                                  DType dtype);

}  // namespace epsim
