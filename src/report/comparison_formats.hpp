#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "report/comparison.hpp"
#include "report/text_style.hpp"

namespace epsim {

/// For a reader at a terminal: what differs between the sides, how they were compared, the figures.
std::string comparison_text(Comparison const& comparison, TextStyle const& style);

/// The same as Markdown (tables with pipes).
std::string comparison_markdown(Comparison const& comparison);

/// One line a figure, RFC 4180; what is not known is empty.
std::string comparison_csv(Comparison const& comparison);

/// All of it, each launch's value included; NaN is null.
nlohmann::json comparison_json(Comparison const& comparison);

// What the formats share.

/// "A", "B", ...; after "Z", "side 27".
std::string side_name(std::size_t side);
/// "step time", "throughput", "dispatch", "dispatch wait".
std::string metric_label(std::string const& metric);
/// "tokens.per_step = 512, ranks = 2"; empty for the only case.
std::string case_label(Facts const& key);
/// "exchange.algorithm: alltoallv -> ring".
std::string difference_label(ValueDifference const& difference);
/// How the comparison was made, in a sentence each.
std::vector<std::string> method_notes(ComparisonOptions const& options);
/// "passed", "failed: ..."; empty without a gate.
std::string gate_note(Comparison const& comparison);
/// The median of launches' values; NaN if one has none.
double middle_of(std::vector<double> const& values);
/// "3 %", "0.5 %".
std::string threshold_text(double share);

}  // namespace epsim
