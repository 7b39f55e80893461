// A model file, as a preset.
#include "config/resolve.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace epsim;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
    fuzz::accepts([&] { preset_shape({"model.toml", std::string(fuzz::text_of(data, size))}); });
    return 0;
}
