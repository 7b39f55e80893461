// Counts in JSON as two papers published them.
// Fiddler (github.com/efeslab/fiddler, benchmarks/results/popularity): {total_input_tokens,
// expert_popularity: [layers][E]}, a file a subject.
// OLMoE (github.com/allenai/OLMoE, scripts/routing_output, made JSON): {model, num_experts, top_k,
// layers, counts: {domain: [layers][E]}, ..}; a domain is a step, in the order of their names.

#include <fmt/format.h>

#include "trace/formats/count_pieces.hpp"
#include "trace/formats/json_text.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

void add_layers(CountPieces& pieces, int64_t step, std::vector<int64_t> const& numbers,
                Json const& rows, std::filesystem::path const& path) {
    if (!rows.is_array() || rows.size() != numbers.size())
        refuse_import(
            path, fmt::format("it has {} layers of counts, not {}", rows.size(), numbers.size()));
    for (std::size_t l = 0; l < rows.size(); ++l)
        pieces.add(step, 0, numbers[l], integers_of(rows[l], path));
}

}  // namespace

std::string is_expert_popularity(FileContent const& file) {
    if (file.container != FileContent::Container::json || !file.has("expert_popularity")) return {};
    return "JSON with expert_popularity";
}

Recording read_expert_popularity(ImportRequest const& request) {
    std::optional<CountPieces> pieces;
    for (std::size_t i = 0; i < request.files.size(); ++i) {
        auto const& path = request.files[i];
        auto const json = read_json(path);
        auto const& rows = member(json, "expert_popularity", path);
        if (!rows.is_array() || rows.empty() || !rows[0].is_array() ||
            rows[0].size() > most_experts)
            refuse_import(path, "its expert_popularity is not [layers][experts]");
        std::vector<int64_t> numbers;
        for (auto const l : layer_numbers(request, std::ssize(rows))) numbers.push_back(l);
        if (!pieces) pieces.emplace(static_cast<int>(rows[0].size()));
        add_layers(*pieces, static_cast<int64_t>(i), numbers, rows, path);
    }
    return pieces->join();
}

std::string is_domain_counts(FileContent const& file) {
    if (file.container != FileContent::Container::json || !file.has("counts") ||
        !file.has("num_experts") || !file.has("top_k"))
        return {};
    return "JSON with num_experts, top_k and counts";
}

Recording read_domain_counts(ImportRequest const& request) {
    if (request.files.size() != 1) refuse_import(request.files[1], "one model is read at a time");
    auto const& path = request.files[0];
    auto const json = read_json(path);
    auto const experts = integer_of(member(json, "num_experts", path), path);
    auto const top_k = integer_of(member(json, "top_k", path), path);
    check_sizes(experts, top_k);
    auto const numbers = integers_of(member(json, "layers", path), path);
    auto const& domains = member(json, "counts", path);
    if (!domains.is_object()) refuse_import(path, "its counts are not by domain");
    CountPieces pieces(static_cast<int>(experts));
    int64_t step = 0;
    for (auto const& [name, rows] : domains.items())
        add_layers(pieces, step++, numbers, rows, path);
    return pieces.join(static_cast<int>(top_k));
}

}  // namespace epsim
