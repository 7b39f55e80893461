#pragma once

#include <string>

namespace epsim {

/// What is recorded of an import beside the data: free texts.
struct ImportText {
    std::string producer, source, model;
};

}  // namespace epsim
