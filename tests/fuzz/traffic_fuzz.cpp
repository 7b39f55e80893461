// Traffic matrices: the first byte says of how many ranks, the rest is a .csv and a .npy.
#include <cmath>

#include "fuzz/fuzz_input.hpp"
#include "schedule/traffic_matrix.hpp"

using namespace epsim;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
    if (size < 1) return 0;
    static fuzz::InputFile csv("input.csv"), npy("input.npy");
    int const ranks = 1 + data[0] % 16;
    auto const bytes = fuzz::text_of(data + 1, size - 1);
    for (auto* file : {&csv, &npy})
        fuzz::accepts([&] {
            auto const matrix = read_traffic(file->with(bytes), ranks);
            double sum = 0;
            for (double const bytes_sent : matrix.flat()) {
                fuzz::require(std::isfinite(bytes_sent) && bytes_sent >= 0, "an amount of bytes");
                sum += bytes_sent;
            }
            fuzz::require(sum > 0, "something moves");
        });
    return 0;
}
