#pragma once

#include <map>
#include <string>
#include <vector>

#include "measure/run_record.hpp"
#include "measure/summary.hpp"
#include "report/text_style.hpp"

namespace epsim {

/// What the sections of a report are written from.
struct ReportInput {
    RunRecord const& record;
    std::string path;
    std::map<std::string, std::string> config;  ///< by dotted key
    std::vector<SummaryRow> summary;
    TextStyle style;

    double value(std::string_view metric) const { return summary_value(summary, metric); }
    /// A configured value; empty if there is none, or it is "none".
    std::string configured(std::string const& key) const;
    /// A provenance value; empty if there is none.
    std::string provenance(std::string const& group, std::string const& key) const;
};

/// The stored summary; for a record without one, the derived.
ReportInput make_report_input(RunRecord const& record, std::string const& path, TextStyle style);

/// The model's name: its preset, its name, or "custom model".
std::string model_name(ReportInput const& input);
/// What the run's kind means for its figures: "oversubscribed: 4 ranks on 2 cores: times are ...".
std::string explain_kind(ReportInput const& input);
/// The same of a tag.
std::string explain_tag(std::string const& tag);

// The sections, in the order of the report. Each ends in a newline, or is empty.
std::string origin_section(ReportInput const& input);
std::string speed_section(ReportInput const& input);
std::string phase_section(ReportInput const& input);
std::string limit_section(ReportInput const& input);
std::string load_section(ReportInput const& input);
std::string gate_section(ReportInput const& input);
std::string traffic_section(ReportInput const& input);
std::string slowdown_section(ReportInput const& input);  ///< by an aggressor
std::string pair_section(ReportInput const& input);      ///< of a map of pairs
std::string verification_section(ReportInput const& input);

/// The blocks that are not empty, a blank line between them.
std::string paragraphs(std::vector<std::string> const& blocks);

// Figures in text; "-" for NaN.
std::string percent_text(double share);
std::string ratio_text(double ratio);
std::string bytes_text(double bytes);
std::string seconds_text(double seconds);
/// "1 rank", "2 ranks".
std::string count_text(int64_t n, std::string_view noun);

}  // namespace epsim
