// TensorRT-LLM, moe_config.load_balancer (github.com/NVIDIA/TensorRT-LLM,
// examples/wide_ep/ep_load_balancer, generate_eplb_config.py): YAML with num_slots and
// initial_global_assignments: {layer: [expert of each slot]}, at the top or below load_balancer.

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <fstream>

#include "core/error.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/formats/slot_files.hpp"
#include "trace/mapped_file.hpp"

namespace epsim {
namespace {

constexpr char const* key = "initial_global_assignments";

YAML::Node assignments(YAML::Node const& root) {
    for (auto node : {root, root["load_balancer"],
                      root["moe_config"] ? root["moe_config"]["load_balancer"] : YAML::Node()})
        if (node && node.IsMap() && node[key]) return node[key];
    throw YAML::Exception(YAML::Mark::null_mark(), std::string("no ") + key);
}

}  // namespace

std::string is_trtllm_eplb(FileContent const& file) {
    bool const text = file.container == FileContent::Container::text ||
                      file.container == FileContent::Container::json;
    if (!text || (file.head.find(key) == std::string::npos && !file.has(key))) return {};
    return fmt::format("YAML with {}", key);
}

Recording read_trtllm_eplb(ImportRequest const& request) {
    if (request.files.size() != 1) refuse_import(request.files[1], "one file is one placement");
    auto const& path = request.files[0];
    MappedFile const file(path);
    std::map<int32_t, std::vector<ExpertId>> expert;
    std::size_t slots = 0;
    try {
        for (auto const& layer : assignments(YAML::Load(std::string(file.text()))))
            for (auto const& e : layer.second) {
                if (++slots > file.text().size())  // aliases repeat what is written once
                    refuse_import(path, "it holds more slots than characters");
                expert[layer.first.as<int32_t>()].push_back(ExpertId{e.as<int32_t>()});
            }
    } catch (YAML::Exception const& e) {
        refuse_import(path, fmt::format("as YAML: {}", e.what()));
    }
    return make_slot_map(std::move(expert), request.num_experts.value_or(0), 0);
}

void write_trtllm_eplb(SlotMap const& map, std::filesystem::path const& file) {
    std::ofstream out(file);
    out << fmt::format("num_slots: {}\n{}:\n", map.expert.begin()->second.size(), key);
    for (auto const& [layer, slots] : map.expert) {
        out << fmt::format("  {}: [", layer);
        for (std::size_t i = 0; i < slots.size(); ++i) {
            if (slots[i] == no_expert)
                throw InputError(
                    "the placement has empty slots (TensorRT-LLM's has none). Fill them first");
            out << (i ? ", " : "") << index(slots[i]);
        }
        out << "]\n";
    }
    out << "layer_updates_per_iter: 0\n";
    if (!out.flush())
        throw InputError(fmt::format("cannot write {} (no access, or the disk is full). Check it",
                                     file.string()));
}

}  // namespace epsim
