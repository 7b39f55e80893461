// Numbers and sizes as flags and keys have them.
#include <cmath>

#include "core/text.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace epsim;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
    auto const text = fuzz::text_of(data, size);
    fuzz::accepts([&] {
        auto const n = parse_size(text);
        fuzz::require(parse_size(std::to_string(n)) == n, "a size is read as it was written");
    });
    fuzz::accepts([&] { fuzz::require(std::isfinite(parse_ratio(text)), "ratios are finite"); });
    for (auto const& piece : split(text, ','))
        fuzz::require(piece.size() <= size, "pieces are of the text");
    return 0;
}
