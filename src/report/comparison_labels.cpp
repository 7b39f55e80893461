#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "measure/statistics.hpp"
#include "report/comparison_formats.hpp"

namespace epsim {

std::string side_name(std::size_t side) {
    return side < 26 ? std::string(1, static_cast<char>('A' + static_cast<int>(side)))
                     : fmt::format("side {}", side + 1);
}

std::string metric_label(std::string const& metric) {
    std::string_view name = metric;
    if (name.starts_with("phase_")) name.remove_prefix(6);
    if (name.ends_with("_p50")) name.remove_suffix(4);
    std::string label(name);
    if (auto const at = label.find("_largest_wait"); at != label.npos)
        label.replace(at, std::string::npos, " wait");
    std::ranges::replace(label, '_', ' ');
    return label;
}

std::string case_label(Facts const& key) {
    std::vector<std::string> parts;
    for (auto const& [name, value] : key) parts.push_back(fmt::format("{} = {}", name, value));
    return fmt::format("{}", fmt::join(parts, ", "));
}

std::string difference_label(ValueDifference const& difference) {
    auto const joined = [](std::vector<std::string> values) {
        std::ranges::replace(values, std::string(), std::string("\"\""));
        return fmt::format("{}", fmt::join(values, " or "));
    };
    return fmt::format("{}: {} -> {}", difference.key, joined(difference.a), joined(difference.b));
}

double middle_of(std::vector<double> const& values) {
    for (double const value : values)
        if (std::isnan(value)) return value;
    return median(values);
}

std::string threshold_text(double share) {
    return fmt::format("{:.4g} %", share * 100);
}

std::vector<std::string> method_notes(ComparisonOptions const& options) {
    auto const threshold = threshold_text(options.threshold);
    return {fmt::format("{} on the logs of the launches' figures; a launch is one sample. {}",
                        options.analysis == Analysis::welch ? "Welch's t test" : "Paired t test",
                        options.analysis == Analysis::welch
                            ? "Ratios are of geometric means, columns A and B medians."
                            : "The i-th launch of a side is paired with the i-th of the other; "
                              "ratios are of geometric means, columns A and B medians."),
            fmt::format("slower, faster: p < {:.4g} and a ratio beyond {}; p is corrected (Holm) "
                        "over all step times, and apart from these over all other figures.",
                        options.alpha, threshold),
            fmt::format("same: the 90 % interval of the ratio lies within {} (two one-sided tests "
                        "at 5 %). ambiguous: neither, or under {} launches of a side.",
                        threshold, launches_for_verdict)};
}

std::string gate_note(Comparison const& comparison) {
    if (!comparison.options.gate) return "";
    auto const gate = threshold_text(*comparison.options.gate);
    if (comparison.gate_failed())
        return fmt::format("failed: a step time is slower by more than {}", gate);
    bool decided = true;
    for (auto const& pair : comparison.pairs)
        for (auto const& each : pair.cases)
            decided = decided && each.rows.front().verdict != Verdict::ambiguous;
    return fmt::format("passed: no step time is slower by more than {} for certain{}", gate,
                       decided ? "" : ", but not all could be decided");
}

}  // namespace epsim
