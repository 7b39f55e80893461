// The configuration that a result file holds.
#include "fuzz/fuzz_input.hpp"
#include "report/config_keys.hpp"

using namespace epsim;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
    config_keys(std::string(fuzz::text_of(data, size)));
    return 0;
}
