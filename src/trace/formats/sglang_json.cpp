// SGLang, --init-expert-location (github.com/sgl-project/sglang,
// python/sglang/srt/eplb/expert_location.py): {"logical_count": [layers][E] or [steps][layers][E]}
// or {"physical_to_logical_map": [layers][slots]}. Dense layers are all 0.

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "core/error.hpp"
#include "trace/formats/count_pieces.hpp"
#include "trace/formats/json_text.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/formats/slot_files.hpp"

namespace epsim {
namespace {

Json const& only_file(ImportRequest const& request, Json& json) {
    if (request.files.size() != 1) refuse_import(request.files[1], "one file is read at a time");
    json = read_json(request.files[0]);
    return json;
}

int width(Json const& step, std::filesystem::path const& path) {
    if (!step.is_array() || step.empty() || !step[0].is_array() || step[0].empty())
        refuse_import(path,
                      "its logical_count is not [layers][experts] or [steps][layers][experts]");
    return static_cast<int>(step[0].size());
}

}  // namespace

std::string is_sglang_counts(FileContent const& file) {
    if (file.container != FileContent::Container::json || !file.has("logical_count")) return {};
    return "JSON with logical_count";
}

Recording read_sglang_counts(ImportRequest const& request) {
    Json json;
    auto const& path = request.files[0];
    auto const& counts = member(only_file(request, json), "logical_count", path);
    bool const stepped = counts.is_array() && !counts.empty() && counts[0].is_array() &&
                         !counts[0].empty() && counts[0][0].is_array();
    Json const whole = stepped ? Json() : Json::array({counts});
    auto const& steps = stepped ? counts : whole;
    CountPieces pieces(width(steps[0], path));
    for (std::size_t s = 0; s < steps.size(); ++s) {
        width(steps[s], path);
        for (std::size_t l = 0; l < steps[s].size(); ++l) {
            auto const row = integers_of(steps[s][l], path);
            if (std::ssize(row) != width(steps[0], path))
                refuse_import(path, fmt::format("layer {} has {} experts, layer 0 has {}", l,
                                                row.size(), width(steps[0], path)));
            pieces.add(static_cast<int64_t>(s), 0, static_cast<int64_t>(l), row);
        }
    }
    return pieces.join();
}

std::string is_sglang_placement(FileContent const& file) {
    if (file.container != FileContent::Container::json || !file.has("physical_to_logical_map"))
        return {};
    return "JSON with physical_to_logical_map";
}

Recording read_sglang_placement(ImportRequest const& request) {
    Json json;
    auto const& path = request.files[0];
    auto const& layers = member(only_file(request, json), "physical_to_logical_map", path);
    if (!layers.is_array()) refuse_import(path, "its physical_to_logical_map is no list of layers");
    auto const numbers = layer_numbers(request, std::ssize(layers));
    std::map<int32_t, std::vector<ExpertId>> expert;
    for (std::size_t l = 0; l < layers.size(); ++l)
        for (auto const e : integers_of(layers[l], path))
            expert[numbers[l]].push_back(
                ExpertId{static_cast<int32_t>(std::clamp<int64_t>(e, INT32_MIN, INT32_MAX))});
    return make_slot_map(std::move(expert), request.num_experts.value_or(0), 0);
}

void write_sglang_placement(SlotMap const& map, std::filesystem::path const& file) {
    // Layers are numbered from 0 there: those before and between the MoE layers hold the same.
    auto layers = Json::array();
    auto const& any = map.expert.begin()->second;
    for (int32_t l = 0; l <= map.expert.rbegin()->first; ++l) {
        auto const found = map.expert.find(l);
        auto row = Json::array();
        for (auto const e : found == map.expert.end() ? any : found->second) {
            if (e == no_expert)
                throw InputError(
                    "the placement has empty slots (SGLang's has none). Fill them first");
            row.push_back(index(e));
        }
        layers.push_back(std::move(row));
    }
    std::ofstream out(file);
    out << Json{{"physical_to_logical_map", std::move(layers)}}.dump() << '\n';
    if (!out.flush())
        throw InputError(fmt::format("cannot write {} (no access, or the disk is full). Check it",
                                     file.string()));
}

}  // namespace epsim
