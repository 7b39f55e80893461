#include "store/probe.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "core/error.hpp"
#include "support/error_text.hpp"
#include "support/temporary_directory.hpp"

namespace epsim {
namespace {

using testing::HasSubstr;

TEST(Probe, PassesWorkThatEndsAndWorkThatThrowsAnError) {
    EXPECT_NO_THROW(probe("a", [] {}));
    EXPECT_NO_THROW(probe("a", [] { throw InputError("the parent will say it"); }));
}

TEST(Probe, LeavesNoTraceOfTheChildsWork) {
    int touched = 0;
    probe("a", [&] { touched = 1; });
    EXPECT_EQ(touched, 0);
}

TEST(Probe, CrashesBecomeInputErrors) {
    for (auto const& crash :
         std::vector<std::function<void()>>{[] { std::raise(SIGSEGV); }, [] { std::abort(); },
                                            [] { _exit(7); }, [] { throw std::bad_alloc(); }})
        EXPECT_THAT(
            error_of<InputError>([&] { probe("some/file.h5", crash); }),
            HasSubstr("some/file.h5: not a readable HDF5 file (the HDF5 library crashed on it)"));
}

TEST(Probe, HangsBecomeInputErrors) {
    auto const hang = [] {
        for (;;) pause();
    };
    EXPECT_THAT(error_of<InputError>([&] { probe("f", hang, std::chrono::seconds(1)); }),
                HasSubstr("took over 1 s"));
}

}  // namespace
}  // namespace epsim
