#include "layer/logit_files.hpp"

#include "core/sha256.hpp"

namespace epsim {

std::string logit_file(ReplayCase const& replay, int layer) {
    constexpr std::string_view place = "{layer}";
    auto path = replay.router.gate.options.logits;
    if (auto const at = path.find(place); at != std::string::npos)
        path.replace(at, place.size(), std::to_string(replay.layer_number(layer)));
    return path;
}

std::string logit_files_sha256(ReplayCase const& replay) {
    auto const& gate = replay.router.gate;
    if (gate.kind == GateKind::none || !gate.options.logits_from_file()) return "";
    std::string all, previous, hash;
    for (int l = 0; l < replay.spec.layers; ++l) {
        auto const path = logit_file(replay, l);
        if (path != previous) hash = sha256_of_file(path);  // one may hold all layers' logits
        all += hash;
        previous = path;
    }
    return sha256_hex(all);
}

}  // namespace epsim
