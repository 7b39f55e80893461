#include "app/placement_drift.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "config/key.hpp"
#include "config/rebalance_presets.hpp"
#include "core/text.hpp"
#include "report/table.hpp"

namespace epsim {
namespace {

void set(Config& config, std::string const& path, std::string const& value) {
    auto const& keys = config_keys();
    auto const* key = find_key(keys, path);
    if (key == nullptr) {
        std::vector<std::string> known;
        for (auto const& k : keys)
            if (k.path.starts_with("placement.rebalance.")) known.push_back(k.path);
        throw InputError(fmt::format("--policy: {} is no key (nearest: {}). Correct it", path,
                                     nearest(path, known)));
    }
    if (!key->set(config, value))
        throw InputError(fmt::format("--policy: {} = {} is not allowed (it must be {}). Correct it",
                                     path, value, key->allowed));
}

void judge(Drift& drift, std::vector<Array<double, 2>> const& steps,
           std::function<Placement const&(int step)> const& at) {
    double sum = 0, most = 0;
    for (std::size_t s = 0; s < steps.size(); ++s) {
        auto const load = steps[s].flat();
        double const all = std::accumulate(load.begin(), load.end(), 0.0);
        drift.balancedness.push_back(balancedness(at(static_cast<int>(s)), steps[s]));
        sum += all;
        most += all / drift.balancedness.back();
    }
    drift.average = most > 0 ? sum / most : 1;
}

}  // namespace

RebalanceOptions rebalance_policy(std::string const& text) {
    if (text == "static") return {};
    Config config;
    std::vector<std::string> given;
    for (std::string_view rest = text; !rest.empty();) {
        auto const setting = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), setting.size() + 1));
        auto const equals = setting.find('=');
        if (equals == std::string_view::npos)
            throw InputError(fmt::format(
                "--policy {} has no settings of placement.rebalance (as interval=10,threshold=0.8 "
                "or preset=vllm). Correct it, or give static",
                text));
        given.push_back(fmt::format("placement.rebalance.{}", setting.substr(0, equals)));
        set(config, given.back(), std::string(setting.substr(equals + 1)));
    }
    for (auto const& value : rebalance_preset(config.placement.rebalance.preset))
        if (std::ranges::find(given, value.path) == given.end())
            set(config, value.path, value.text);
    if (!config.placement.rebalance.any())
        throw InputError(fmt::format(
            "--policy {} never decides (interval = 0). Set interval or preset, or give static",
            text));
    return config.placement.rebalance;
}

Drift drift_under(std::string policy, Placement const& first,
                  std::vector<Array<double, 2>> const& steps, PlacementProblem const& problem) {
    auto const options = rebalance_policy(policy);
    Drift drift{std::move(policy)};
    if (!options.any()) {
        judge(drift, steps, [&](int) -> Placement const& { return first; });
        return drift;
    }
    auto const timeline = plan_rebalancing(
        options, first, static_cast<int>(steps.size()),
        [&](int s) { return steps[static_cast<std::size_t>(s)]; }, problem);
    judge(drift, steps, [&](int s) -> Placement const& { return timeline.at(s); });
    drift.decisions = static_cast<int>(timeline.decisions().size());
    auto const versions = timeline.versions();
    for (std::size_t v = 1; v < versions.size(); ++v)
        for (auto const& move : moves_between(versions[v - 1], versions[v], problem.topology)) {
            ++drift.moves;
            drift.rank_moves += first.rank_of(move.source) != first.rank_of(move.destination);
        }
    return drift;
}

Drift drift_in_hindsight(Strategy strategy, std::vector<Array<double, 2>> const& steps,
                         PlacementProblem const& problem) {
    std::vector<Placement> placements;
    auto of_step = problem;
    for (auto const& load : steps) {
        of_step.load = load;
        placements.push_back(make_placement(strategy, of_step));
    }
    Drift drift{"hindsight"};
    judge(drift, steps,
          [&](int s) -> Placement const& { return placements[static_cast<std::size_t>(s)]; });
    return drift;
}

std::string drift_table(std::vector<Drift> const& drifts, PlacementUnits const& units,
                        TextStyle const& style) {
    Table table({{"policy", Align::left},
                 {"balancedness"},
                 {"worst step"},
                 {"decisions"},
                 {units.expert_bytes > 0 ? "weights moved" : "experts moved"},
                 {"between ranks"}});
    for (auto const& d : drifts) {
        auto const moved = [&](int64_t experts) {
            return units.expert_bytes > 0
                       ? format_bytes(static_cast<double>(experts) * units.expert_bytes)
                       : std::to_string(experts);
        };
        bool const hindsight = d.policy == "hindsight";
        table.add({printable(d.policy, style.charset), fmt::format("{:.4f}", d.average),
                   fmt::format("{:.4f}", std::ranges::min(d.balancedness)),
                   hindsight ? "-" : std::to_string(d.decisions), hindsight ? "-" : moved(d.moves),
                   hindsight ? "-" : moved(d.rank_moves)});
    }
    return table.text(style);
}

nlohmann::ordered_json drift_json(std::vector<Drift> const& drifts, PlacementUnits const& units) {
    auto all = nlohmann::ordered_json::array();
    for (auto const& d : drifts) {
        nlohmann::ordered_json json{{"policy", d.policy}, {"balancedness", d.average}};
        if (d.policy != "hindsight") {
            json["decisions"] = d.decisions;
            json["moved_experts"] = d.moves;
            json["moved_between_ranks"] = d.rank_moves;
            if (units.expert_bytes > 0)
                json["moved_bytes"] = static_cast<double>(d.moves) * units.expert_bytes;
        }
        json["step_balancedness"] = d.balancedness;
        all.push_back(std::move(json));
    }
    return all;
}

}  // namespace epsim
