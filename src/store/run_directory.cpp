#include "store/run_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "core/sha256.hpp"
#include "store/result_file.hpp"
#include "store/sealed_file.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr char const* run_schema = "epsim-run";
constexpr int run_schema_major = 1;
constexpr std::array statuses{"running", "complete", "interrupted", "failed"};

fs::path plan_of(fs::path const& directory) {
    return directory / "run.json";
}

/// "NNNN-<hash>.h5", and so no file that is being written.
bool is_case_name(std::string const& name) {
    auto const all_in = [&](std::size_t from, std::size_t count, char const* allowed) {
        return name.substr(from, count).find_first_not_of(allowed) == name.npos;
    };
    return name.size() == 5 + case_hash_digits + 3 && name[4] == '-' && name.ends_with(".h5") &&
           all_in(0, 4, "0123456789") && all_in(5, case_hash_digits, "0123456789abcdef");
}

[[noreturn]] void fail_to_open(fs::path const& directory, std::string const& reason) {
    throw InputError(
        fmt::format("{} is not a run directory ({}). Give the directory that epsim run "
                    "named",
                    directory.string(), reason));
}

/// The contents of run.json, with every member that this file uses there and of its type.
Json read_plan(fs::path const& directory) {
    std::ifstream stream(plan_of(directory));
    if (!stream) fail_to_open(directory, "it has no readable run.json");
    Json const plan = Json::parse(stream, nullptr, false);
    auto const text = [&](char const* key) { return plan.contains(key) && plan[key].is_string(); };
    if (!plan.is_object() || !text("schema") || plan["schema"] != run_schema)
        fail_to_open(directory, "its run.json is not of schema epsim-run");
    if (!plan.contains("schema_version") || !plan["schema_version"].is_array() ||
        plan["schema_version"].empty() || plan["schema_version"][0] != run_schema_major)
        fail_to_open(directory, "its run.json is not of version 1");
    bool const whole =
        text("status") && plan.contains("cases") && plan["cases"].is_array() &&
        std::ranges::all_of(plan["cases"], [](Json const& c) { return c.is_string(); });
    if (!whole || std::ranges::count(statuses, plan["status"].get<std::string>()) == 0)
        fail_to_open(directory, "its run.json is not whole");
    return plan;
}

/// Whether run.json tells of a run that has ended without a result. False if it cannot be read.
bool ended_without_case(fs::path const& directory) {
    try {
        auto const plan = read_plan(directory);
        return plan["cases"].empty() &&
               (plan["status"] == "failed" || plan["status"] == "interrupted");
    } catch (InputError const&) {
        return false;
    }
}

void write_plan(fs::path const& directory, Json const& plan) {
    replace_file(plan_of(directory), plan.dump(2) + "\n");
}

}  // namespace

RunDirectory RunDirectory::create(fs::path const& path) {
    std::error_code error;
    fs::create_directories(path / "cases", error);
    if (error)
        throw InputError(fmt::format("cannot make {} ({}). Choose another output.dir",
                                     path.string(), error.message()));
    RunDirectory directory(path);
    bool const taken = fs::exists(plan_of(path), error) && !ended_without_case(path);
    if (taken || !directory.cases().empty())
        throw InputError(
            fmt::format("{} already holds a run (results are never overwritten). Choose "
                        "another output.dir or remove it",
                        path.string()));
    write_plan(path, {{"schema", run_schema},
                      {"schema_version", {run_schema_major, 0, 0}},
                      {"status", "running"},
                      {"message", ""},
                      {"cases", Json::array()}});
    return directory;
}

RunDirectory RunDirectory::open(fs::path const& path) {
    read_plan(path);
    return RunDirectory(path);
}

fs::path RunDirectory::seal(RunRecord const& record) {
    auto const sealed = cases();
    int const number =
        sealed.empty() ? 1 : std::stoi(sealed.back().filename().string().substr(0, 4)) + 1;
    auto const name =
        fmt::format("{:04}-{}.h5", number, sha256_hex(record.config).substr(0, case_hash_digits));
    auto const file = path_ / "cases" / name;
    check(number < 10000, "a run has under 10000 cases");
    write_result(record, file);
    Json plan = read_plan(path_);
    plan["cases"].push_back(name);
    write_plan(path_, plan);
    return file;
}

void RunDirectory::set_status(std::string const& status, std::string const& message) {
    check(std::ranges::count(statuses, status) == 1, "a status of a run");
    Json plan = read_plan(path_);
    plan["status"] = status;
    plan["message"] = message;
    write_plan(path_, plan);
}

std::string RunDirectory::status() const {
    return read_plan(path_)["status"];
}

std::string RunDirectory::message() const {
    auto const plan = read_plan(path_);
    return plan.contains("message") && plan["message"].is_string() ? plan["message"] : "";
}

std::vector<fs::path> RunDirectory::cases() const {
    std::vector<fs::path> files;
    std::error_code error;
    for (auto const& entry : fs::directory_iterator(path_ / "cases", error))
        if (is_case_name(entry.path().filename().string())) files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

std::vector<std::string> RunDirectory::noted_cases() const {
    return read_plan(path_)["cases"].get<std::vector<std::string>>();
}

std::string describe_state(RunDirectory const& run) {
    auto const status = run.status(), message = run.message();
    if (status == "running") return "running, or killed before it could note its end";
    return message.empty() ? status : status + ": " + message;
}

}  // namespace epsim
