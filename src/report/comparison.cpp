#include "report/comparison.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/error.hpp"
#include "measure/phase.hpp"
#include "measure/summary.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Waits of a phase. Those of the critical rank are left out: it may be another one in each launch.
bool is_wait(SummaryRow const& row) {
    return row.unit == "s" && row.metric.starts_with("phase_") &&
           row.metric.find("wait") != std::string::npos;
}

/// What is compared, in the order of the table: name and unit.
std::vector<std::pair<std::string, std::string>> metrics_of(MatchedCase const& matched) {
    std::vector<std::pair<std::string, std::string>> metrics{{"step_time", "s"},
                                                             {"throughput", "token/s"}};
    for (auto const phase : phase_names)
        metrics.emplace_back(fmt::format("phase_{}_p50", phase), "s");
    for (auto const* side : {&matched.a, &matched.b})
        for (auto const& row : side->front()->summary)
            if (is_wait(row) &&
                std::ranges::find(metrics, std::pair{row.metric, row.unit}) == metrics.end())
                metrics.emplace_back(row.metric, row.unit);
    return metrics;
}

std::vector<double> values_of(std::vector<Launch const*> const& launches,
                              std::string const& metric) {
    std::vector<double> values;
    for (auto const* launch : launches) values.push_back(summary_value(launch->summary, metric));
    return values;
}

ComparedCase compare_case(MatchedCase const& matched, Analysis analysis) {
    ComparedCase result{matched.key, {}, {}, {}};
    for (auto const* launch : matched.a) result.a.push_back(launch->path);
    for (auto const* launch : matched.b) result.b.push_back(launch->path);
    for (auto const& [metric, unit] : metrics_of(matched)) {
        ComparedMetric row{metric,
                           unit,
                           values_of(matched.a, metric),
                           values_of(matched.b, metric),
                           {},
                           nan,
                           Verdict::ambiguous};
        auto const absent = [](auto const& v) {  // a wait that no clock could tell is 0
            return std::ranges::all_of(v, [](double x) { return std::isnan(x) || x == 0; });
        };
        if (!row.is_primary() && absent(row.a) && absent(row.b)) continue;
        row.difference = difference(row.a, row.b, analysis);
        result.rows.push_back(std::move(row));
    }
    return result;
}

/// Whether a case's throughput is its step time in other words: the same tokens on both sides.
bool mirrors(ComparedMetric const& row, ComparedMetric const& step_time) {
    return row.metric == "throughput" &&
           std::abs(row.difference.ratio * step_time.difference.ratio - 1) < 1e-9;
}

double testable_p(ComparedMetric const& row) {
    bool const enough = std::min(row.difference.n_a, row.difference.n_b) >= launches_for_verdict;
    return enough ? row.difference.p : nan;
}

void correct(std::vector<ComparedMetric*> const& family) {
    std::vector<double> p;
    for (auto const* row : family) p.push_back(testable_p(*row));
    auto const corrected = holm(p);
    for (std::size_t i = 0; i < family.size(); ++i) family[i]->corrected_p = corrected[i];
}

void give_verdicts(Comparison& comparison) {
    std::vector<ComparedMetric*> primary, others;
    std::vector<std::pair<ComparedMetric*, ComparedMetric const*>> mirrored;
    for (auto& pair : comparison.pairs)
        for (auto& each : pair.cases)
            for (auto& row : each.rows) {
                if (row.is_primary())
                    primary.push_back(&row);
                else if (mirrors(row, each.rows.front()))
                    mirrored.emplace_back(&row, &each.rows.front());
                else
                    others.push_back(&row);
            }
    correct(primary);
    correct(others);
    for (auto const& [row, step_time] : mirrored) row->corrected_p = step_time->corrected_p;
    for (auto& pair : comparison.pairs)
        for (auto& each : pair.cases)
            for (auto& row : each.rows)
                row.verdict = judge(row.difference, row.corrected_p,
                                    {comparison.options.threshold, comparison.options.alpha,
                                     row.metric == "throughput" ? Better::higher : Better::lower});
}

/// Dates have whole seconds; one side wholly before the other is what they can tell for sure.
bool ran_apart(std::vector<Launch> const& a, std::vector<Launch> const& b) {
    return a.size() > 1 && b.size() > 1 &&
           (a.back().date < b.front().date || b.back().date < a.front().date);
}

std::vector<std::string> warnings_of(Side const& a, Side const& b,
                                     std::vector<ComparedCase> const& cases) {
    std::vector<std::string> warnings;
    if (ran_apart(a.launches, b.launches))
        warnings.emplace_back(
            "all launches of one side ran before those of the other: what the machine did in the "
            "meantime counts as their difference. scripts/ab.sh interleaves them");
    auto const few = std::ranges::count_if(cases, [](auto const& each) {
        return std::min(std::ssize(each.a), std::ssize(each.b)) < launches_for_verdict;
    });
    if (few > 0)
        warnings.push_back(
            fmt::format("{} of {} cases {} under {} launches of a side: too few for "
                        "a verdict",
                        few, cases.size(), few == 1 ? "has" : "have", launches_for_verdict));
    return warnings;
}

ComparedSides compare_sides(Side const& a, Side const& b, std::size_t position,
                            ComparisonOptions const& options) {
    auto const match = match_cases(a, b);
    if (match.cases.empty())
        throw InputError(
            fmt::format("{} and {} have no case in common (none of one agrees with "
                        "one of the other in the keys that vary). Compare runs of "
                        "the same cases",
                        a.path, b.path));
    ComparedSides result{position, {}, {}, match.only_a, match.only_b, {}, {}};
    auto const facts = [](Side const& side, Facts Launch::*which) {
        std::vector<Facts const*> found;
        for (auto const& launch : side.launches) found.push_back(&(launch.*which));
        return found;
    };
    result.config = differences(facts(a, &Launch::config), facts(b, &Launch::config));
    result.provenance = differences(facts(a, &Launch::provenance), facts(b, &Launch::provenance));
    for (auto const& matched : match.cases)
        result.cases.push_back(compare_case(matched, options.analysis));
    result.warnings = warnings_of(a, b, result.cases);
    return result;
}

std::string described(Launch const& launch) {
    return launch.kind +
           (launch.tags.empty() ? "" : fmt::format(" ({})", fmt::join(launch.tags, ", ")));
}

void require_one_kind(std::vector<Side> const& sides) {
    auto const& first = sides.front().launches.front();
    for (auto const& side : sides)
        for (auto const& launch : side.launches)
            if (launch.kind != first.kind || launch.tags != first.tags)
                throw InputError(fmt::format(
                    "{} is {}, but {} is {} (their times mean different things). Compare runs of "
                    "one kind, or add --allow-mixed",
                    first.path, described(first), launch.path, described(launch)));
}

void require_distinct(std::vector<Side> const& sides) {
    std::map<std::string, std::string> seen;
    for (auto const& side : sides)
        for (auto const& launch : side.launches)
            if (auto const [at, is_new] = seen.try_emplace(launch.run_uuid, launch.path); !is_new)
                throw InputError(
                    fmt::format("{} and {} are the same launch, {} (each counts "
                                "once). Give it once",
                                at->second, launch.path, launch.run_uuid));
}

}  // namespace

bool Comparison::gate_failed() const {
    if (!options.gate) return false;
    for (auto const& pair : pairs)
        for (auto const& each : pair.cases)
            for (auto const& row : each.rows)
                if (row.is_primary() && row.verdict == Verdict::slower &&
                    row.difference.ratio > 1 + *options.gate)
                    return true;
    return false;
}

Comparison compare(std::vector<Side> sides, ComparisonOptions const& options) {
    if (sides.size() < 2)
        throw InputError("one side cannot be compared (a comparison has two). Name another");
    require_distinct(sides);
    if (!options.allow_mixed) require_one_kind(sides);
    Comparison comparison{options, std::move(sides), {}};
    for (std::size_t s = 1; s < comparison.sides.size(); ++s)
        comparison.pairs.push_back(
            compare_sides(comparison.sides[0], comparison.sides[s], s, options));
    give_verdicts(comparison);
    return comparison;
}

}  // namespace epsim
