// Bytes from rank to rank, .csv or .npy [R, R], as alltoallv benchmarks take them. It says nothing
// of tokens and experts; exchange-only runs replay it as it is (schedule/traffic_matrix.hpp).

#include <fmt/format.h>

#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"

namespace epsim {

std::string is_byte_matrix(FileContent const& file) {
    if (file.container == FileContent::Container::npy) {
        auto const& shape = file.array->shape();
        return shape.size() == 2 && shape[0] == shape[1]
                   ? fmt::format("a square matrix {}", shape_text(shape))
                   : std::string();
    }
    bool const numbers =
        file.container == FileContent::Container::text && !file.head.empty() &&
        file.head.find(',') != std::string::npos &&
        file.head.find_first_not_of("0123456789.eE+-, \t\r\n") == std::string::npos;
    return numbers ? "lines of numbers between commas" : "";
}

Recording read_byte_matrix(ImportRequest const& request) {
    refuse_import(request.files[0], "it holds bytes from rank to rank, no tokens",
                  fmt::format("Replay it as it is: epsim run --measure.exchange_only true "
                              "--exchange.traffic {}",
                              request.files[0].string()));
}

}  // namespace epsim
