#include "store/figure_rules.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/build_info.hpp"
#include "core/error.hpp"
#include "measure/link_health.hpp"
#include "measure/summary.hpp"
#include "store/rules.hpp"

namespace epsim {
namespace {

using namespace rules;

/// Whether a line of the configuration's section [measure] is this one.
bool measure_says(RunRecord const& r, std::string const& line) {
    auto const section = r.config.find("[measure]\n");
    if (section == r.config.npos) return false;
    auto const found = r.config.find('\n' + line + '\n', section);
    return found < r.config.find("\n[", section);
}

bool experts_were_emulated(RunRecord const& r) {
    auto const group = r.provenance.find("compute");
    if (group == r.provenance.end()) return false;
    auto const kernel = group->second.find("kernel");
    return kernel != group->second.end() && kernel->second == "emulated";
}

std::string time_moves_forward(RunRecord const& r) {
    auto const broken = [](double start, double end) {
        return std::isnan(start) != std::isnan(end) || end < start;
    };
    for (std::size_t i = 0; i < r.time_start.flat().size(); ++i)
        if (broken(r.time_start.flat()[i], r.time_end.flat()[i]))
            return fmt::format("a phase runs from {} s to {} s", r.time_start.flat()[i],
                               r.time_end.flat()[i]);
    for (std::size_t i = 0; i < r.step_start.flat().size(); ++i)
        if (broken(r.step_start.flat()[i], r.step_end.flat()[i]))
            return fmt::format("an iteration runs from {} s to {} s", r.step_start.flat()[i],
                               r.step_end.flat()[i]);
    return {};
}

std::string every_iteration_ended(RunRecord const& r) {
    for (int64_t i = 0; i < r.step_start.extent(0); ++i)
        for (int64_t n = 0; n < ranks(r); ++n)
            if (!std::isfinite(r.step_start(i, n)) || !std::isfinite(r.step_end(i, n)))
                return fmt::format("iteration {}, rank {} runs from {} s to {} s", i, n,
                                   r.step_start(i, n), r.step_end(i, n));
    return {};
}

/// The agreed start is a moment of the root's clock; a rank knew it, and later its phases, each
/// within its clock's error.
std::string phases_lie_in_iterations(RunRecord const& r) {
    constexpr double rounding_s = 1e-6;
    if (r.step_start.empty()) return {};
    std::vector<double> tolerance(static_cast<std::size_t>(ranks(r)), rounding_s);
    for (int64_t e = 0; e < r.clock_error.extent(0); ++e)
        for (int64_t n = 0; n < ranks(r); ++n)
            if (double const twice = 2 * r.clock_error(e, n); std::isfinite(twice))
                tolerance[static_cast<std::size_t>(n)] =
                    std::max(tolerance[static_cast<std::size_t>(n)], twice + rounding_s);
    for (int64_t i = 0; i < r.time_start.extent(0); ++i)
        for (int64_t l = 0; l < layers(r); ++l)
            for (int64_t p = 0; p < r.time_start.extent(2); ++p)
                for (int64_t n = 0; n < ranks(r); ++n) {
                    double const slack = tolerance[static_cast<std::size_t>(n)];
                    double const start = r.time_start(i, l, p, n), end = r.time_end(i, l, p, n);
                    if (start < r.step_start(i, n) - slack || end > r.step_end(i, n) + slack)
                        return fmt::format(
                            "iteration {}, {}, {}, rank {} runs from {} s to {} s, the iteration "
                            "from {} s to {} s",
                            i, at(r, l), phase_names[static_cast<std::size_t>(p)], n, start, end,
                            r.step_start(i, n), r.step_end(i, n));
                }
    return {};
}

std::string oracle_agrees(RunRecord const& r) {
    if (r.wrong != 0)
        return fmt::format("{} of {} outputs and {} rows were wrong", r.wrong, r.checked,
                           r.identities);
    if (r.max_error >= 0 && r.max_error <= 1) return {};
    return fmt::format("the largest error is {} of its bound", r.max_error);
}

std::string pairs_are_complete(RunRecord const& r) {
    for (std::size_t z = 0; z < r.size.size(); ++z)
        for (int64_t from = 0; from < ranks(r); ++from)
            for (int64_t to = 0; to < ranks(r); ++to)
                if (double const s = r.link_seconds(z, from, to);
                    from != to && !(std::isfinite(s) && s > 0))
                    return fmt::format("{} B from rank {} to rank {} take {} s", r.size[z], from,
                                       to, s);
    return {};
}

/// Values of /summary that the arrays do not give. A version of the program may know other metrics
/// than this one, but of those that both know, the values are equal.
std::string summary_is_of_the_arrays(RunRecord const& r) {
    constexpr double rounding = 1e-9;  // relative: sums in another order
    bool const ours =
        r.software_version == build_info().version && r.git_sha == build_info().git_sha;
    std::vector<SummaryRow> recomputed;
    try {
        recomputed = summarise(r);
    } catch (Error const& e) {
        return e.what();
    }
    std::map<std::string, double> expected;
    for (auto const& row : recomputed) expected[row.metric] = row.value;
    for (auto const& row : r.summary) {
        auto const known = expected.find(row.metric);
        if (known == expected.end()) {
            if (ours) return fmt::format("{} is no metric of this version", row.metric);
            continue;
        }
        double const value = known->second;
        bool const equal = std::isnan(value) ? std::isnan(row.value)
                                             : row.value == value || std::abs(row.value - value) <=
                                                                         rounding * std::abs(value);
        if (!equal) return fmt::format("{} is {}, not {}", row.metric, row.value, value);
        expected.erase(known);
    }
    if (ours && !expected.empty()) return fmt::format("{} is missing", expected.begin()->first);
    return {};
}

}  // namespace

std::vector<Finding> check_figures(RunRecord const& record) {
    std::vector<Finding> findings;
    auto const check_rule = [&](char const* rule, auto&& violation) {
        findings.push_back({rule, violation(record)});
    };
    check_rule("intervals end after they start", time_moves_forward);
    if (record.status == "complete")
        check_rule("every iteration ended on every rank", every_iteration_ended);
    if (!measure_says(record, "start = \"free\""))
        check_rule("phases lie in their iteration, within the clocks' error",
                   phases_lie_in_iterations);
    if (is_pair_map(record))
        check_rule("every pair of ranks was measured, both ways", pairs_are_complete);
    check_rule("the oracle found nothing wrong", oracle_agrees);
    if (measure_says(record, "verify = \"off\""))
        findings.push_back({"outputs were not checked (measure.verify = off)", ""});
    else if (experts_were_emulated(record))
        findings.push_back({"outputs were not checked (compute.emulate_us)", ""});
    else
        findings.push_back({"outputs were checked", record.checked > 0 ? "" : "none was"});
    check_rule("/summary is that of the arrays", summary_is_of_the_arrays);
    return findings;
}

}  // namespace epsim
