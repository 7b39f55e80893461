#include "app/model_text.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "config/key.hpp"
#include "core/text.hpp"
#include "model/formulas.hpp"
#include "model/names.hpp"
#include "model/published.hpp"

namespace epsim {
namespace {

constexpr std::array dtypes{DType::f32, DType::bf16};

std::string size_text(int64_t bytes) {
    return format_bytes(static_cast<double>(bytes));
}

std::string flops_text(int64_t flops) {
    return format_si(static_cast<double>(flops), "FLOP");
}

std::string billions_text(int64_t params) {
    return fmt::format("{:.2f} B", static_cast<double>(params) / 1e9);
}

/// The settings of a preset, two a line.
std::string shape_text(ModelShape const& shape) {
    Config config;
    config.shape = shape;
    std::vector<std::string> cells;
    for (Key const& key : config_keys()) {
        if (key.scope != KeyScope::shape || key.path == "model.name" || key.path == "model.source")
            continue;
        std::string value = key.get(config);
        std::erase(value, '"');
        cells.push_back(fmt::format("{:<28}{}", key.leaf(), value));
    }
    std::string text;
    for (std::size_t i = 0; i < cells.size(); i += 2)
        text += i + 1 < cells.size() ? fmt::format("  {:<48}{}\n", cells[i], cells[i + 1])
                                     : fmt::format("  {}\n", cells[i]);
    return text;
}

std::string line(std::string_view label, std::string const& value) {
    return fmt::format("  {:<28}{}\n", label, value);
}

std::string expert_text(ModelShape const& s) {
    return "one expert\n" +
           line("matrices", fmt::format("{} ({})", matrices(s.activation),
                                        is_gated(s.activation) ? "gated" : "plain")) +
           line("parameters", std::to_string(expert_params(s))) +
           line("bytes", fmt::format("{} fp32, {} bf16, {} as published ({})",
                                     size_text(expert_bytes(s, DType::f32)),
                                     size_text(expert_bytes(s, DType::bf16)),
                                     size_text(published_expert_bytes(s)), s.weight_format)) +
           line("FLOPs of a token", flops_text(pair_flops(s)));
}

std::string token_text(ModelShape const& s) {
    std::string text = "one token in one expert layer\n";
    text += line("FLOPs", fmt::format("{} ({} routed, {} shared, dense residual {})",
                                      flops_text(token_flops(s)), s.top_k, s.shared_experts,
                                      s.dense_residual_intermediate));
    for (DType wire : dtypes)
        text +=
            line(fmt::format("wire bytes, {}", name_of(wire)),
                 fmt::format("{} a direction ({} rows of {})", size_text(token_wire_bytes(s, wire)),
                             s.top_k, size_text(row_bytes(s, wire))));
    return text;
}

std::string share_text(int64_t params, std::optional<double> share, std::optional<double> total) {
    if (!share) return billions_text(params) + " (no published figure)";
    return fmt::format("{}, {:.1f} % of the published {} B", billions_text(params), 100 * *share,
                       *total);
}

std::string published_text(ModelShape const& s) {
    auto const check = check_published(s);
    return "expert layers against the published totals\n" +
           line("routed experts",
                share_text(total_expert_params(s), check.total_share, s.total_params_billion)) +
           line("active a token",
                share_text(active_layer_params(s), check.active_share, s.active_params_billion)) +
           line("shared and dense, a layer", billions_text(replicated_params(s))) +
           line("router, a layer", std::to_string(router_params(s)) + " parameters") +
           line("verdict", consistent(check) ? "consistent" : "INCONSISTENT: check the shape");
}

std::string memory_text(ModelShape const& s, std::span<int const> ep_sizes, DType dtype) {
    std::string text = fmt::format(
        "weights of the fullest rank, {}: routed experts placed linearly, shared and dense on all\n"
        "  {:>6} {:>15} {:>14} {:>14}\n",
        name_of(dtype), "EP", "experts a rank", "one layer", "all layers");
    for (int ranks : ep_sizes) {
        auto const memory = rank_memory(s, ranks, dtype);
        text += fmt::format("  {:>6} {:>15} {:>14} {:>14}\n", ranks, memory.experts,
                            size_text(memory.layer_bytes), size_text(memory.model_bytes));
    }
    return text;
}

}  // namespace

std::string model_table(std::span<NamedShape const> models) {
    constexpr auto row = "{:<19} {:>6} {:>6} {:>7} {:>5} {:>6} {:<14} {:>10} {:>9} {:>8}\n";
    std::string text =
        fmt::format(row, "", "", "expert", "", "", "inter-", "", "bytes an", "GFLOP a", "total");
    text += fmt::format(row, "model", "hidden", "layers", "experts", "top-k", "mediate",
                        "activation", "expert", "token", "params");
    for (auto const& [preset, s] : models)
        text += fmt::format(
            row, s.name, s.hidden, fmt::format("{}/{}", s.moe_layers, s.layers), s.num_experts,
            s.top_k, s.expert_intermediate, name_of(s.activation),
            size_text(expert_bytes(s, DType::bf16)),
            fmt::format("{:.4f}", static_cast<double>(token_flops(s)) / 1e9),
            s.total_params_billion ? fmt::format("{} B", *s.total_params_billion) : "-");
    return text +
           "Bytes in bf16; GFLOP of one token in one expert layer, forward, shared experts "
           "included."
           "\n";
}

std::string model_page(NamedShape const& model, std::span<int const> ep_sizes, DType dtype) {
    auto const& [preset, s] = model;
    return fmt::format("{} (preset {})\nsource: {}\n\nshape\n{}\n{}\n{}\n{}\n{}", s.name, preset,
                       s.source, shape_text(s), expert_text(s), token_text(s), published_text(s),
                       memory_text(s, ep_sizes, dtype));
}

nlohmann::ordered_json model_json(NamedShape const& model, std::span<int const> ep_sizes,
                                  DType dtype) {
    using Json = nlohmann::ordered_json;
    auto const& [preset, s] = model;
    auto const optional = [](std::optional<double> value) { return value ? Json(*value) : Json(); };
    Json json{{"preset", preset}};
    Config config;
    config.shape = s;
    // Every literal that a shape's key writes is JSON as well as TOML.
    for (Key const& key : config_keys())
        if (key.scope == KeyScope::shape) json["shape"][key.leaf()] = Json::parse(key.get(config));
    auto const check = check_published(s);
    json["expert"] = {{"params", expert_params(s)},
                      {"bytes_published", published_expert_bytes(s)},
                      {"flops_a_token", pair_flops(s)}};
    json["token_a_layer"] = {{"flops", token_flops(s)}};
    for (DType type : dtypes) {
        json["expert"][fmt::format("bytes_{}", name_of(type))] = expert_bytes(s, type);
        json["token_a_layer"][fmt::format("wire_bytes_{}", name_of(type))] =
            token_wire_bytes(s, type);
    }
    json["params"] = {{"routed_experts", total_expert_params(s)},
                      {"active_in_expert_layers", active_layer_params(s)},
                      {"replicated_a_layer", replicated_params(s)},
                      {"router_a_layer", router_params(s)},
                      {"share_of_published_total", optional(check.total_share)},
                      {"share_of_published_active", optional(check.active_share)},
                      {"consistent", consistent(check)}};
    json["memory_a_rank"] = Json::array();
    for (int ranks : ep_sizes) {
        auto const memory = rank_memory(s, ranks, dtype);
        json["memory_a_rank"].push_back({{"ep", ranks},
                                         {"dtype", name_of(dtype)},
                                         {"experts", memory.experts},
                                         {"layer_bytes", memory.layer_bytes},
                                         {"model_bytes", memory.model_bytes}});
    }
    return json;
}

}  // namespace epsim
