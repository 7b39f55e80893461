#pragma once

#include <string>

namespace epsim {

/// The text of the ErrorType that `work` throws; "no error" if it throws none.
template <class ErrorType, class Work>
std::string error_of(Work&& work) {
    try {
        work();
    } catch (ErrorType const& e) {
        return e.what();
    }
    return "no error";
}

}  // namespace epsim
