#include "store/sealed_file.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "core/error.hpp"
#include "support/error_text.hpp"
#include "support/file_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(SealedFile, AppearsOnlyWhenSealed) {
    TemporaryDirectory const directory;
    auto const path = directory / "f";
    {
        SealedFile file(path);
        write_bytes(file.temporary(), "whole");
        EXPECT_FALSE(fs::exists(path));
        file.seal();
        EXPECT_EQ(read_bytes(path), "whole");
    }
    EXPECT_EQ(read_bytes(path), "whole");
    EXPECT_FALSE(fs::exists(directory / "f.tmp"));
}

TEST(SealedFile, LeavesTheOldOneAndNothingElseIfNotSealed) {
    TemporaryDirectory const directory;
    auto const path = directory / "f";
    write_bytes(path, "old");
    {
        SealedFile const file(path);
        write_bytes(file.temporary(), "half");
    }
    EXPECT_EQ(read_bytes(path), "old");
    EXPECT_FALSE(fs::exists(directory / "f.tmp"));
}

TEST(SealedFile, RefusesPlacesThatCannotBeWritten) {
    TemporaryDirectory const directory;
    write_bytes(directory / "plain", "x");
    for (auto const& path : {directory.path(), directory / "missing/f", directory / "plain/f"})
        EXPECT_THAT(error_of<InputError>([&] { SealedFile file(path); }),
                    HasSubstr("cannot write " + path.string()));
}

TEST(SealedFile, ReplacesText) {
    TemporaryDirectory const directory;
    replace_file(directory / "f", "one");
    replace_file(directory / "f", "two");
    EXPECT_EQ(read_bytes(directory / "f"), "two");
}

}  // namespace
}  // namespace epsim
