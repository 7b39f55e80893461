#include "store/placement_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/cast.hpp"
#include "store/sealed_file.hpp"
#include "trace/formats/json_text.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

constexpr char const* schema = "epsim-placement";

std::vector<std::vector<ExpertId>> experts_of(std::vector<std::vector<int>> const& layers) {
    std::vector<std::vector<ExpertId>> experts;
    for (auto const& layer : layers) {
        auto& slots = experts.emplace_back();
        for (int const e : layer) slots.push_back(ExpertId{e});
    }
    return experts;
}

NamedPlacement own_placement(Json const& json, std::string const& path) {
    if (json.value("schema", "") != schema || json.at("schema_version") != 1)
        throw InputError(fmt::format(
            "{} is no placement of schema {} version 1. Convert it by epsim placement import", path,
            schema));
    auto const layers = json.at("slot_expert").get<std::vector<std::vector<int>>>();
    auto const offset = json.at("rank_slot_offset").get<std::vector<int32_t>>();
    auto layer = json.at("layer").get<std::vector<int32_t>>();
    bool sound = offset.size() >= 2 && offset.front() == 0 && std::ranges::is_sorted(offset) &&
                 !layers.empty() && layer.size() == layers.size();
    for (auto const& slots : layers) sound = sound && std::ssize(slots) == offset.back();
    if (!sound)
        throw InputError(
            fmt::format("{}: rank_slot_offset, layer and slot_expert do not fit each "
                        "other. Make the file anew",
                        path));
    int const experts = json.at("num_experts").get<int>();
    check_sizes(experts, 1);
    return {{json.value("version", 0), experts, offset, experts_of(layers)},
            std::move(layer),
            json.value("model", ""),
            json.value("strategy", "")};
}

nlohmann::ordered_json own_json(NamedPlacement const& named) {
    auto const& p = named.placement;
    Json layers = Json::array();
    for (int l = 0; l < p.layers(); ++l) {
        Json slots = Json::array();
        for (ExpertId const e : p.slot_expert(LayerId{l})) slots.push_back(index(e));
        layers.push_back(std::move(slots));
    }
    auto const offset = p.rank_slot_offset();
    return {{"schema", schema},
            {"schema_version", 1},
            {"version", p.version()},
            {"model", named.model},
            {"strategy", named.strategy},
            {"num_experts", p.num_experts()},
            {"layer", named.layer},
            {"rank_slot_offset", std::vector<int32_t>(offset.begin(), offset.end())},
            {"slot_expert", std::move(layers)}};
}

}  // namespace

NamedPlacement read_placement(std::filesystem::path const& path) {
    try {
        return own_placement(read_json(path), path.string());
    } catch (Json::exception const& e) {
        throw InputError(fmt::format("{} is no placement ({}). Give one of epsim placement make",
                                     path.string(), e.what()));
    }
}

void write_placement(NamedPlacement const& placement, std::filesystem::path const& path) {
    replace_file(path, own_json(placement).dump() + "\n");
}

Placement pick_layers(NamedPlacement const& named, std::vector<int32_t> const& layers,
                      int num_experts, int ranks, std::string const& path) {
    auto const& p = named.placement;
    if (p.num_experts() != num_experts)
        throw InputError(
            fmt::format("{} is for another model ({} experts instead of {}). Use a placement of "
                        "this model",
                        path, p.num_experts(), num_experts));
    if (p.ranks() != ranks)
        throw InputError(fmt::format("{} is for {} ranks instead of {}. Make one for {}", path,
                                     p.ranks(), ranks, ranks));
    std::vector<std::vector<ExpertId>> picked;
    for (int32_t const number : layers) {
        auto const at = std::ranges::find(named.layer, number);
        if (at == named.layer.end())
            throw InputError(
                fmt::format("{} has no layer {} (it is for another model, or was made "
                            "from other layers). Make one with it",
                            path, number));
        auto const slots = p.slot_expert(LayerId{narrow<int32_t>(at - named.layer.begin())});
        picked.emplace_back(slots.begin(), slots.end());
    }
    auto const offset = p.rank_slot_offset();
    return {p.version(), num_experts, {offset.begin(), offset.end()}, std::move(picked)};
}

}  // namespace epsim
