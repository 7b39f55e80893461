#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"

namespace epsim {

/// Which layers to replay: the value of ModelOptions::layers.
struct LayerChoice {
    int first = 0;                 ///< the first n; 0 = all, unless `numbers` lists some
    std::vector<int32_t> numbers;  ///< the model's layer numbers, in the order given

    /// \throws InputError unless text is "all", a positive number, or a list "[1, 2, 26]" of
    /// distinct numbers
    static LayerChoice from(std::string_view text);
    /// "all", "4" or "[1, 2, 26]".
    std::string text() const;
    /// \param available [L] layer numbers of the trace or generator
    /// \returns positions among them. \throws InputError on a layer that is not there
    std::vector<LayerId> pick(std::span<int32_t const> available) const;
};

}  // namespace epsim
