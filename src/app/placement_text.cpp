#include "app/placement_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "report/table.hpp"

namespace epsim {
namespace {

int most_slots(Placement const& placement) {
    int most = 0;
    for (int r = 0; r < placement.ranks(); ++r)
        most = std::max(most,
                        static_cast<int>(std::ssize(placement.experts_of(LayerId{0}, RankId{r}))));
    return most;
}

/// Of the fullest rank, all layers.
double weight_bytes(Placement const& placement, PlacementUnits const& units) {
    return most_slots(placement) * units.expert_bytes * placement.layers();
}

nlohmann::ordered_json figures_json(PlacementFigures const& f, PlacementUnits const& units) {
    nlohmann::ordered_json json{
        {"balancedness", f.balancedness()},  {"expert_max_over_mean", f.expert},
        {"rank_max_over_mean", f.rank},      {"node_max_over_mean", f.node},
        {"assignments", f.assignments},      {"off_rank_assignments", f.off_rank},
        {"off_node_assignments", f.off_node}};
    if (units.row_bytes > 0) {
        json["off_rank_bytes"] = f.off_rank * units.row_bytes;
        json["off_node_bytes"] = f.off_node * units.row_bytes;
    }
    return json;
}

}  // namespace

std::string placement_table(std::vector<JudgedPlacement> const& judged, PlacementUnits const& units,
                            TextStyle const& style) {
    std::vector<Table::Column> columns{{"placement", Align::left},
                                       {"balancedness"},
                                       {"rank max/mean"},
                                       {"node max/mean"},
                                       {"off-rank"},
                                       {"off-node"},
                                       {"slots/rank"}};
    if (units.expert_bytes > 0) columns.push_back({"weights/rank"});
    Table table(columns);
    for (auto const& j : judged) {
        auto const f = figures_of(j.loads);
        auto const moved = [&](double assignments) {
            return units.row_bytes > 0 ? format_bytes(assignments * units.row_bytes)
                                       : fmt::format("{:.1f} %", 100 * assignments / f.assignments);
        };
        std::vector<std::string> cells{printable(j.name, style.charset),
                                       fmt::format("{:.4f}", f.balancedness()),
                                       fmt::format("{:.3f}", f.rank),
                                       fmt::format("{:.3f}", f.node),
                                       moved(f.off_rank),
                                       moved(f.off_node),
                                       std::to_string(most_slots(j.named.placement))};
        if (units.expert_bytes > 0)
            cells.push_back(format_bytes(weight_bytes(j.named.placement, units)));
        table.add(std::move(cells));
    }
    return table.text(style);
}

nlohmann::ordered_json placement_json(std::vector<JudgedPlacement> const& judged,
                                      PlacementUnits const& units) {
    auto all = nlohmann::ordered_json::array();
    for (auto const& j : judged) {
        auto json = figures_json(figures_of(j.loads), units);
        auto const& p = j.named.placement;
        nlohmann::ordered_json one{{"placement", j.name},
                                   {"ranks", p.ranks()},
                                   {"slots", p.slots()},
                                   {"slots_of_fullest_rank", most_slots(p)}};
        if (units.expert_bytes > 0) one["weight_bytes_a_rank"] = weight_bytes(p, units);
        one["total"] = std::move(json);
        auto& layers = one["layers"] = nlohmann::ordered_json::array();
        for (std::size_t l = 0; l < j.loads.size(); ++l) {
            auto layer = figures_json(figures_of(std::span(j.loads).subspan(l, 1)), units);
            layer["layer"] = j.named.layer[l];
            layer["rank_load"] = j.loads[l].rank;
            layers.push_back(std::move(layer));
        }
        all.push_back(std::move(one));
    }
    return all;
}

}  // namespace epsim
