#include "store/run_directory.hpp"

#include <gmock/gmock.h>

#include "core/error.hpp"
#include "core/sha256.hpp"
#include "store/random_record.hpp"
#include "store/result_file.hpp"
#include "support/error_text.hpp"
#include "support/file_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(RunDirectory, SealsCasesInOrderUnderTheirHash) {
    TemporaryDirectory const directory;
    auto run = RunDirectory::create(directory / "a/b/run");
    EXPECT_EQ(run.status(), "running");
    EXPECT_TRUE(run.cases().empty());
    std::vector<fs::path> sealed;
    std::vector<std::string> names;
    for (unsigned seed = 0; seed < 3; ++seed) {
        auto const record = random_record(seed);
        sealed.push_back(run.seal(record));
        names.push_back(
            fmt::format("000{}-{}.h5", seed + 1, sha256_hex(record.config).substr(0, 12)));
        EXPECT_EQ(sealed.back(), run.path() / "cases" / names.back());
        EXPECT_EQ(read_result(sealed.back()).config, record.config);
    }
    run.set_status("complete");
    auto const opened = RunDirectory::open(directory / "a/b/run");
    EXPECT_EQ(opened.cases(), sealed);
    EXPECT_EQ(opened.noted_cases(), names);
    EXPECT_EQ(opened.status(), "complete");
}

TEST(RunDirectory, IgnoresFilesThatAreNotSealed) {
    TemporaryDirectory const directory;
    auto run = RunDirectory::create(directory / "run");
    write_bytes(directory / "run/cases/0001-0123456789ab.h5.tmp", "half");
    write_bytes(directory / "run/cases/notes.txt", "mine");
    EXPECT_TRUE(run.cases().empty());
    EXPECT_EQ(run.seal(random_record(1)).filename().string().substr(0, 5), "0001-");
}

TEST(RunDirectory, NeverOverwritesARun) {
    TemporaryDirectory const directory;
    auto const create = [&] {
        return error_of<InputError>([&] { RunDirectory::create(directory / "run"); });
    };
    RunDirectory::create(directory / "run").seal(random_record(1));
    EXPECT_THAT(create(), HasSubstr("run already holds a run"));
    fs::remove(directory / "run/run.json");
    EXPECT_THAT(create(), HasSubstr("run already holds a run"));
    EXPECT_NO_THROW(RunDirectory::create(directory.path()));
}

TEST(RunDirectory, IsUsedAgainAfterARunWithoutACase) {
    TemporaryDirectory const directory;
    for (std::string const status : {"failed", "interrupted"}) {
        auto run = RunDirectory::create(directory / "run");
        EXPECT_EQ(run.status(), "running");
        EXPECT_EQ(run.message(), "");
        run.set_status(status, "reason");
        EXPECT_EQ(describe_state(run), status + ": reason");
    }
    auto run = RunDirectory::create(directory / "run");
    EXPECT_THAT(describe_state(run), HasSubstr("killed before it could note its end"));
    EXPECT_THROW(RunDirectory::create(directory / "run"), InputError) << "it may be running";
    run.seal(random_record(1));
    run.set_status("interrupted");
    EXPECT_THROW(RunDirectory::create(directory / "run"), InputError) << "it has a case";
    write_bytes(directory / "run/run.json", "{");
    EXPECT_THROW(RunDirectory::create(directory / "run"), InputError) << "nobody knows";
}

TEST(RunDirectory, RefusesPlacesThatCannotBeWritten) {
    TemporaryDirectory const directory;
    write_bytes(directory / "plain", "x");
    for (auto const& path : {directory / "plain", directory / "plain/run", fs::path("/proc/run")})
        EXPECT_THAT(error_of<InputError>([&] { RunDirectory::create(path); }),
                    HasSubstr("cannot make " + path.string()));
}

TEST(RunDirectory, OpensOnlyRunDirectories) {
    TemporaryDirectory const directory;
    auto const error = [&] {
        return error_of<InputError>([&] { RunDirectory::open(directory.path()); });
    };
    EXPECT_THAT(error(), HasSubstr("is not a run directory (it has no readable run.json)"));
    for (
        std::string const text :
        {"", "{", "[]", "{}", R"({"schema": 3})", R"({"schema": "epsim-run"})",
         R"({"schema": "epsim-run", "schema_version": [2, 0, 0], "status": "complete", "cases": []})",
         R"({"schema": "epsim-run", "schema_version": [1, 0, 0], "status": "fine", "cases": []})",
         R"({"schema": "epsim-run", "schema_version": [1, 0, 0], "status": "complete", "cases": [1]})"}) {
        write_bytes(directory / "run.json", text);
        EXPECT_THAT(error(), HasSubstr("is not a run directory (its run.json")) << text;
    }
}

TEST(RunDirectory, KnowsItsStatuses) {
    TemporaryDirectory const directory;
    auto run = RunDirectory::create(directory / "run");
    EXPECT_THROW(run.set_status("fine"), Error);
    run.set_status("failed", "rank 3 died");
    EXPECT_EQ(run.status(), "failed");
    EXPECT_THAT(read_bytes(directory / "run/run.json"), HasSubstr("rank 3 died"));
}

}  // namespace
}  // namespace epsim
