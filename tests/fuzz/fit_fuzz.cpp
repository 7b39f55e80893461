// What `epsim trace fit` writes and `trace generate fit` reads.
#include "app/fit_text.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace epsim;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
    static fuzz::InputFile file("input.toml"), again("again.toml");
    std::string written;
    if (!fuzz::accepts([&] { written = fit_text(read_fit(file.with(fuzz::text_of(data, size)))); }))
        return 0;
    fuzz::require(fit_text(read_fit(again.with(written))) == written,
                  "a fit is read as it was written");
    return 0;
}
