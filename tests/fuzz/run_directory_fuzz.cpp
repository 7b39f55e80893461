// run.json of a run directory.
#include "fuzz/fuzz_input.hpp"
#include "store/run_directory.hpp"

using namespace epsim;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
    static fuzz::InputFile file("run.json");
    auto const path = file.with(fuzz::text_of(data, size));
    fuzz::accepts([&] {
        auto const run = RunDirectory::open(path.parent_path());
        describe_state(run);
        run.noted_cases();
    });
    return 0;
}
