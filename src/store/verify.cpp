#include "store/verify.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/sha256.hpp"
#include "store/attribute.hpp"
#include "store/bound_check.hpp"
#include "store/calibration_file.hpp"
#include "store/conservation.hpp"
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

Verification verify_result(fs::path const& path) {
    auto const record = read_result(path);
    Verification report{path, fmt::format("result, {}, {}", record.status, record.kind), {}, {}};
    note_hash(report, "sha256 of the configuration", stated_config_sha256(path),
              sha256_hex(record.config));
    for (auto const& finding : check_conservation(record))
        note(report, finding.rule, finding.violation);
    for (auto const& finding : check_bounds(record)) note(report, finding.rule, finding.violation);
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
    for (auto const& file : run.cases()) {
        auto report = verify_result(file);
        note_hash(report, "the file's name has the start of the configuration's sha256",
                  hash_in_name(file), stated_config_sha256(file).substr(0, case_hash_digits));
        reports.push_back(std::move(report));
    }
    return reports;
}

std::string schema_of(fs::path const& path) {
    auto const read = [&] { return hdf5::text_attribute(hdf5::open_file(path).get(), "schema"); };
    probe(path, read);
    return reading(path, read);
}

}  // namespace

std::vector<Verification> verify(fs::path const& path) {
    if (fs::is_directory(path)) return verify_run(path);
    auto const schema = schema_of(path);
    if (schema == trace_schema) return {verify_trace(path)};
    if (schema == result_schema) return {verify_result(path)};
    if (schema == calibration_schema) return {verify_calibration(path)};
    throw InputError(fmt::format(
        "{}: its schema is '{}' ({}, {} and {} can be verified). Give a run directory, a result, a "
        "trace or a calibration",
        path.string(), schema, result_schema, trace_schema, calibration_schema));
}

}  // namespace epsim
