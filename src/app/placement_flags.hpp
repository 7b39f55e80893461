#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/expert_traffic.hpp"
#include "app/placement_text.hpp"
#include "model/model_shape.hpp"

namespace epsim {

/// Where loads come from: a trace file or counts.
struct TrafficFlags {
    std::string trace, counts;

    void add(CLI::App& command, std::string const& trace_name, std::string const& counts_name,
             std::string const& what);
    bool given() const { return !trace.empty() || !counts.empty(); }
    /// \throws InputError unless one of them is given, and can be read
    ExpertTraffic read(int ranks, ImportRequest const& request) const;
    /// [S], at least one, of [L, E]
    std::vector<Array<double, 2>> read_steps(ImportRequest const& request) const;
};

/// What the commands of epsim placement are told, and what follows from it.
struct PlacementFlags {
    TrafficFlags train, test;
    int ranks = 0, nodes = 1, groups = 0;
    std::optional<int> slots;
    uint64_t seed = 1;
    double limit_s = 60;
    bool twins = false, json = false;
    std::string strategy = "search", choice = "round-robin", model, dtype = "bf16";
    std::string input, output, form;
    std::vector<std::string> strategies{"linear", "eplb", "greedy", "search", "topology"}, files;
    std::vector<std::string> policies{"static"};
    ImportRequest request;

    std::optional<ModelShape> shape() const;
    PlacementUnits units() const;
    ClusterTopology topology(int n) const;
    PlacementProblem problem(ExpertTraffic const& traffic) const;
    NamedPlacement make(std::string const& name, ExpertTraffic const& traffic) const;
    JudgedPlacement judge(std::string name, NamedPlacement named, ExpertTraffic const& by) const;
    void print(std::vector<JudgedPlacement> const& judged, bool even_sources) const;
    void require_ranks() const;
};

void add_problem_options(CLI::App& command, PlacementFlags& flags);
void add_unit_options(CLI::App& command, PlacementFlags& flags);  ///< bytes, and the form of output
void add_judge_options(CLI::App& command, PlacementFlags& flags);

}  // namespace epsim
