// A configuration: its file, and flags as lines `key=value`.
#include "config/resolve.hpp"
#include "core/text.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace epsim;

namespace {

/// What is accepted means the same when it is read again.
void check_canonical(std::string const& canonical) {
    ConfigInput again;
    again.file = {"canonical.toml", canonical};
    fuzz::require(resolve(again, {}).canonical == canonical, "the canonical text is a fixed point");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
    auto const piece = fuzz::parts(fuzz::text_of(data, size), 2);
    ConfigInput input;
    input.file = {"input.toml", std::string(piece[0])};
    for (auto const& line : split(piece[1], '\n')) {
        auto const equals = line.find('=');
        if (equals != line.npos)
            input.overrides.push_back({line.substr(0, equals), line.substr(equals + 1)});
    }
    auto const no_preset = [](std::string_view) -> ConfigFile { throw InputError("no preset"); };
    std::string canonical;
    if (fuzz::accepts([&] { canonical = resolve(input, no_preset).canonical; }))
        check_canonical(canonical);
    return 0;
}
