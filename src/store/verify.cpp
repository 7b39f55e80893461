#include "store/verify.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/sha256.hpp"
#include "store/attribute.hpp"
#include "store/bound_check.hpp"
#include "store/calibration_file.hpp"
#include "store/conservation.hpp"
#include "store/figure_rules.hpp"
#include "store/result_file.hpp"
#include "store/result_schema.hpp"
#include "store/run_directory.hpp"
#include "store/trace_file.hpp"
#include "store/trace_schema.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;

void note(Verification& report, std::string const& rule, std::string const& violation) {
    if (violation.empty())
        report.held.push_back(rule);
    else
        report.violations.push_back(rule + ": " + violation);
}

void note_hash(Verification& report, std::string const& rule, std::string const& stated,
               std::string const& computed) {
    note(report, rule,
         stated == computed ? ""
         : stated.empty()   ? "none is stated"
                            : fmt::format("stated {}, computed {}", stated, computed));
}

/// Read everything once: reading validates. \throws InputError at the first bad value
void read_all(TraceFile const& trace) {
    constexpr int64_t piece_tokens = int64_t{1} << 16;
    auto const& info = trace.info();
    for (int64_t s = 0; s < info.steps(); ++s) {
        auto const step = static_cast<StepId>(s);
        auto const n = info.tokens_of(step);
        for (int64_t begin = 0; begin < n; begin += piece_tokens) {
            TokenRange const range{begin, std::min(n, begin + piece_tokens)};
            for (std::size_t l = 0; l < info.layer.size(); ++l)
                trace.read(step, static_cast<LayerId>(l), range);
            for (auto const column : info.columns) trace.column(column, step, range);
        }
    }
}

Verification verify_trace(fs::path const& path) {
    TraceFile const trace(path);
    Verification report{path, fmt::format("trace, {}", trace.info().origin), {}, {}};
    note_hash(report, "sha256 of the datasets", trace.stated_sha256(), trace.computed_sha256());
    read_all(trace);
    report.held.emplace_back("ids are in range and distinct, weights are finite");
    return report;
}

Verification verify_result(fs::path const& path, RunRecord const& record) {
    Verification report{path, fmt::format("result, {}, {}", record.status, record.kind), {}, {}};
    note_hash(report, "sha256 of the configuration", stated_config_sha256(path),
              sha256_hex(record.config));
    auto const note_all = [&](std::vector<Finding> const& findings) {
        for (auto const& finding : findings) note(report, finding.rule, finding.violation);
    };
    note_all(check_conservation(record));
    note_all(check_bounds(record));
    if (report.violations.empty()) note_all(check_figures(record));
    return report;
}

/// Reading validates.
Verification verify_calibration(fs::path const& path) {
    auto const record = read_calibration(path);
    return {path,
            fmt::format("calibration, {}, {}", record.mode, record.kind),
            {"ceilings are finite, times positive, sizes ascend"},
            {}};
}

std::string hash_in_name(fs::path const& file) {
    auto const name = file.stem().string();
    return name.substr(name.size() - case_hash_digits);
}

/// What is wrong with the status of a run that has these cases.
std::string unfinished(RunDirectory const& run, std::vector<std::string> const& case_status) {
    if (case_status.empty()) return fmt::format("it is {} and holds no result", run.status());
    bool const interrupted = std::ranges::count(case_status, "interrupted") > 0;
    if (run.status() == (interrupted ? "interrupted" : "complete")) return {};
    return fmt::format("it is {}, its {} case(s) are {}", run.status(), case_status.size(),
                       fmt::join(case_status, ", "));
}

std::vector<Verification> verify_run(fs::path const& path) {
    auto const run = RunDirectory::open(path);
    std::vector<Verification> reports{{path, "run, " + describe_state(run), {}, {}}};
    std::vector<std::string> names;
    for (auto const& file : run.cases()) names.push_back(file.filename().string());
    auto const noted = run.noted_cases();
    note(reports[0], "run.json notes the files in cases/",
         names == noted ? ""
                        : fmt::format("notes {} [{}], there are {} [{}]", noted.size(),
                                      fmt::join(noted, " "), names.size(), fmt::join(names, " ")));
    std::vector<std::string> case_status;
    for (auto const& file : run.cases()) {
        auto const record = read_result(file);
        case_status.push_back(record.status);
        auto report = verify_result(file, record);
        note_hash(report, "the file's name has the start of the configuration's sha256",
                  hash_in_name(file), stated_config_sha256(file).substr(0, case_hash_digits));
        reports.push_back(std::move(report));
    }
    note(reports[0], "the run ended, and its cases with it", unfinished(run, case_status));
    return reports;
}

std::string schema_of(fs::path const& path) {
    auto const read = [&] { return hdf5::text_attribute(hdf5::open_file(path).get(), "schema"); };
    probe(path, read);
    return reading(path, read);
}

}  // namespace

std::vector<Verification> verify(fs::path const& path) {
    if (std::error_code none; fs::is_directory(path, none)) return verify_run(path);
    auto const schema = schema_of(path);
    if (schema == trace_schema) return {verify_trace(path)};
    if (schema == result_schema) return {verify_result(path, read_result(path))};
    if (schema == calibration_schema) return {verify_calibration(path)};
    throw InputError(fmt::format(
        "{}: its schema is '{}' ({}, {} and {} can be verified). Give a run directory, a result, a "
        "trace or a calibration",
        path.string(), schema, result_schema, trace_schema, calibration_schema));
}

}  // namespace epsim
