// Arrays of NumPy: the header and every element.
#include "fuzz/fuzz_input.hpp"
#include "trace/npy_array.hpp"

using namespace epsim;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
    static fuzz::InputFile file("input.npy");
    fuzz::accepts([&] {
        NpyArray const array(file.with(fuzz::text_of(data, size)));
        auto const n = array.size();
        fuzz::require(n >= 1 && n <= static_cast<int64_t>(size), "elements are in the file");
        auto const all = array.reals(0, n);
        fuzz::require(all.size() == static_cast<std::size_t>(n), "all elements are read");
        if (array.kind() == NpyArray::Kind::integer) array.integers(n - 1, 1);
    });
    return 0;
}
