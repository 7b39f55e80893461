// SmartMoE (github.com/thu-pacman/SmartMoE-AE, moe_trace): table_iter{I}_rank{R}.log, a line
// layer:[[E counts] a microbatch]: rows that rank R sends to each expert in iteration I.
// Microbatches are added up.

#include <fmt/format.h>

#include <charconv>

#include "trace/formats/count_pieces.hpp"
#include "trace/formats/json_text.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/limits.hpp"
#include "trace/mapped_file.hpp"

namespace epsim {
namespace {

constexpr std::string_view prefix = "table_iter";

int64_t iteration_of(std::filesystem::path const& path) {
    auto const name = path.filename().string();
    int64_t iteration = -1;
    if (name.starts_with(prefix))
        std::from_chars(name.data() + prefix.size(), name.data() + name.size(), iteration);
    return iteration;
}

}  // namespace

std::string is_smartmoe(FileContent const& file) {
    if (iteration_of(file.path) < 0 || file.head.find(":[[") == std::string::npos) return {};
    return "the name table_iter<i>_rank<r>.log, and lines layer:[[..";
}

Recording read_smartmoe(ImportRequest const& request) {
    std::optional<CountPieces> pieces;
    for (auto const& path : request.files) {
        MappedFile const file(path);
        auto rest = file.text();
        auto const iteration = iteration_of(path), rank = number_in_name(path);
        if (iteration < 0 || rank < 0)
            refuse_import(path, "its name is not table_iter<i>_rank<r>.log", "Rename it");
        while (!rest.empty()) {
            auto const line = rest.substr(0, rest.find('\n'));
            rest.remove_prefix(std::min(rest.size(), line.size() + 1));
            if (line.empty()) continue;
            int64_t layer = -1;
            auto const colon = std::min(line.find(':'), line.size());
            auto const [end, error] = std::from_chars(line.data(), line.data() + colon, layer);
            if (error != std::errc{} || end != line.data() + colon || colon == line.size())
                refuse_import(path, "a line does not begin with its layer");
            auto const batches = parse_json(line.substr(colon + 1), path);
            for (auto const& batch : batches) {
                auto const counts = integers_of(batch, path);
                if (counts.empty() || counts.size() > most_experts)
                    refuse_import(path,
                                  fmt::format("layer {} counts {} experts", layer, counts.size()));
                if (!pieces) pieces.emplace(static_cast<int>(counts.size()));
                pieces->add(iteration, rank, layer, counts);
            }
        }
    }
    if (!pieces) refuse_import(request.files[0], "it is empty");
    return pieces->join();
}

}  // namespace epsim
