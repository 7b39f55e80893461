#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "report/sections.hpp"
#include "report/table.hpp"

namespace epsim {
namespace {

constexpr std::array<std::pair<char const*, char const*>, 10> figures{
    {{"balance_loss", "1 = balanced (Switch, Megatron-Core, DeepSeek)"},
     {"balance_loss_hf", "top-k = balanced (transformers)"},
     {"balance_loss_deepspeed", "1 = balanced (DeepSpeed, Tutel: first choices)"},
     {"balance_loss_fairscale", "1 / experts^2 = balanced (FairScale: first choices)"},
     {"z_loss", "mean logsumexp^2"},
     {"importance_cv2", "0 = gate weights balanced"},
     {"load_cv2", "0 = assignments balanced, before drops"},
     {"load_entropy", "1 = balanced"},
     {"router_entropy", "1 = no opinion"},
     {"dropped_weight", "share of the gate weights"}}};

std::string gate_text(ReportInput const& input) {
    auto const of = [&](char const* key) { return input.provenance("gate", key); };
    auto const gate = of("gate");
    if (gate == "none") return "none: capacity applies to the routing that is replayed";
    return fmt::format("{}, logits {}{}", gate, input.configured("routing.logits"),
                       of("decides") == "yes" ? "" : "; timed, its choice overridden");
}

std::string capacity_text(ReportInput const& input) {
    auto const policy = input.configured("routing.capacity_policy");
    if (policy.empty()) return "none: no token is dropped";
    auto text = fmt::format(
        "{}, factor {}, {}, {} first", policy, input.provenance("gate", "capacity_factor"),
        input.configured("routing.capacity_scope") == "source" ? "per source" : "global",
        input.configured("routing.overflow"));
    if (auto const how = input.configured("routing.reroute"); !how.empty())
        text += fmt::format("; {} assignments rerouted ({})", input.provenance("gate", "rerouted"),
                            how);
    return text;
}

}  // namespace

std::string gate_section(ReportInput const& input) {
    if (input.record.health.empty()) return "";
    auto text = fact("gate", gate_text(input), input.style) +
                fact("capacity", capacity_text(input), input.style);
    if (double const share = input.value("gate_capacity_padding"); std::isfinite(share))
        text +=
            fact("padding",
                 fmt::format("{} of the places, were buffers padded to capacity (not sent); {} of "
                             "the rows in blocks of 128",
                             percent_text(share), percent_text(input.value("gate_block_padding"))),
                 input.style);
    if (double const n = input.value("gate_collapsed"); n > 0)
        text += fact("warning",
                     fmt::format("collapse: {:.0f} (expert, layer) pairs got less than 1 % of the "
                                 "mean in the last steps",
                                 n),
                     input.style);
    Table table({{"health of the gate", Align::left}, {"mean"}, {"largest"}, {"", Align::left}});
    for (auto const& [name, meaning] : figures) {
        double const mean = input.value(fmt::format("gate_{}", name));
        if (std::isnan(mean)) continue;
        table.add({name, ratio_text(mean),
                   ratio_text(input.value(fmt::format("gate_{}_max", name))), meaning});
    }
    return text + '\n' + table.text(input.style) +
           note("Of one step and layer, over all ranks; mean and largest over steps and layers.",
                input.style);
}

}  // namespace epsim
