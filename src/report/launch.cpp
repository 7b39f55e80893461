#include "report/launch.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/error.hpp"
#include "measure/summary.hpp"
#include "report/config_keys.hpp"
#include "store/result_file.hpp"
#include "store/run_directory.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;

Facts case_facts(RunRecord const& record) {
    auto facts = config_keys(record.config);
    facts.erase("output.dir");
    facts["ranks"] = std::to_string(record.topology.size());
    if (auto const trace = record.provenance.find("trace"); trace != record.provenance.end())
        for (auto const* key : {"sha256", "sha256_stated"})
            if (auto const hash = trace->second.find(key); hash != trace->second.end()) {
                facts["sha256 of routing.trace"] = hash->second;
                break;
            }
    return facts;
}

/// Batch systems number and name each job.
bool is_of_one_job(std::string const& key) {
    for (auto const* part : {"JOB_ID", "JOBID", "JOB_NAME", "TASK_ID"})
        if (key.find(part) != key.npos) return true;
    return false;
}

Facts origin_facts(RunRecord const& record) {
    Facts facts{{"kind", record.kind},
                {"tags", fmt::format("{}", fmt::join(record.tags, ", "))},
                {"epsim", record.software_version},
                {"git", record.git_sha.substr(0, 12) +
                            (record.git_dirty ? " with uncommitted changes" : "")}};
    if (auto const exchange = record.provenance.find("exchange");
        exchange != record.provenance.end() && exchange->second.contains("auto"))
        facts["chosen exchange.algorithm"] =
            record.step_algorithm.empty() ? record.algorithm : exchange->second.at("auto");
    std::set<std::string> hosts;
    std::vector<std::string> cpus, devices;
    for (auto const& place : record.topology) {
        hosts.insert(place.hostname);
        cpus.push_back(place.cpuset);
        devices.push_back(place.device);
    }
    facts["hosts"] = fmt::format("{}", fmt::join(hosts, ", "));
    facts["CPUs of the ranks"] = fmt::format("{}", fmt::join(cpus, " | "));
    facts["devices of the ranks"] = fmt::format("{}", fmt::join(devices, " | "));
    static std::set<std::string> const groups{"build",   "compute", "cuda", "hdf5",  "job",
                                              "machine", "mpi",     "nccl", "onednn"};
    static std::set<std::string> const shown_already{"build.version", "build.git_sha",
                                                     "build.git_dirty", "machine.hostname"};
    for (auto const& [group, values] : record.provenance)
        for (auto const& [key, value] : values)
            if (auto const name = fmt::format("{}.{}", group, key);
                groups.contains(group) && !shown_already.contains(name) && !is_of_one_job(key))
                facts[name] = value;
    return facts;
}

std::vector<fs::path> cases_of(fs::path const& run) {
    auto cases = RunDirectory::open(run).cases();
    if (cases.empty())
        throw InputError(fmt::format(
            "{} holds no result (no case of the run has ended). Wait for it, or run it again",
            run.string()));
    return cases;
}

bool is_run(fs::path const& path) {
    return fs::exists(path / "run.json");
}

std::vector<fs::path> result_files(fs::path const& path) {
    if (!fs::is_directory(path)) return {path};
    if (is_run(path)) return cases_of(path);
    std::vector<fs::path> runs, files;
    for (auto const& entry : fs::directory_iterator(path))
        if (entry.is_directory() && is_run(entry.path())) runs.push_back(entry.path());
    if (runs.empty())
        throw InputError(
            fmt::format("{} holds no runs (neither it nor a folder in it has a "
                        "run.json). Give the directory of a run, or one that holds "
                        "such",
                        path.string()));
    std::ranges::sort(runs);
    for (auto const& run : runs) std::ranges::copy(cases_of(run), std::back_inserter(files));
    return files;
}

void require_whole(RunRecord const& record, fs::path const& file) {
    if (record.status != "complete")
        throw InputError(
            fmt::format("{} has status {} (steps that were repeated unequally often "
                        "cannot be compared). Run it again, or leave it out",
                        file.string(), record.status));
    if (record.wrong > 0)
        throw InputError(
            fmt::format("{} was wrong in {} of the outputs that were verified (the "
                        "time of a wrong result means nothing). Leave it out",
                        file.string(), record.wrong));
}

}  // namespace

Launch make_launch(RunRecord const& record, std::string const& path) {
    Launch launch{path,        record.run_uuid,    record.date,          record.kind,
                  record.tags, case_facts(record), origin_facts(record), record.summary};
    std::ranges::sort(launch.tags);
    if (launch.summary.empty()) launch.summary = summarise(record);
    return launch;
}

Side read_side(std::string const& path) {
    Side side{path, {}};
    for (auto const& file : result_files(path)) {
        auto const record = read_result(file);
        require_whole(record, file);
        side.launches.push_back(make_launch(record, file.string()));
    }
    std::ranges::stable_sort(side.launches, {}, &Launch::date);
    return side;
}

}  // namespace epsim
