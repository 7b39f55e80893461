#include "core/cast.hpp"

#include <gmock/gmock.h>

#include <limits>

namespace epsim {
namespace {

using testing::HasSubstr;

template <class To, class From>
bool fits(From value) {
    try {
        return std::cmp_equal(narrow<To>(value), value);
    } catch (Error const&) {
        return false;
    }
}

TEST(Narrow, KeepsTheValueOrThrows) {
    EXPECT_TRUE(fits<int8_t>(127));
    EXPECT_FALSE(fits<int8_t>(128));
    EXPECT_TRUE(fits<int8_t>(-128));
    EXPECT_FALSE(fits<int8_t>(-129));
    EXPECT_FALSE(fits<uint64_t>(-1));
    EXPECT_FALSE(fits<int32_t>(uint64_t{1} << 31));
    EXPECT_TRUE(fits<int32_t>(uint64_t{0x7fffffff}));
    EXPECT_FALSE(fits<int64_t>(std::numeric_limits<uint64_t>::max()));
}

TEST(Narrow, NamesItsCaller) {
    try {
        narrow<int8_t>(1000);
        FAIL();
    } catch (Error const& e) {
        EXPECT_THAT(e.what(), HasSubstr("cast_test.cpp"));
        EXPECT_EQ(e.exit_code(), ExitCode::failure);
    }
}

TEST(CheckedMultiply, RefusesOverflowAndNegatives) {
    EXPECT_EQ(checked_multiply(0, INT64_MAX, "x"), 0);
    EXPECT_EQ(checked_multiply(int64_t{1} << 31, int64_t{1} << 31, "x"), int64_t{1} << 62);
    EXPECT_THROW(checked_multiply(int64_t{1} << 32, int64_t{1} << 31, "x"), InputError);
    EXPECT_THROW(checked_multiply(-1, 2, "x"), InputError);
    EXPECT_THROW(checked_multiply(2, -1, "x"), InputError);
    EXPECT_THROW(checked_multiply(-2, -2, "x"), InputError);
}

TEST(Check, ThrowsWhereItStands) {
    check(true, "fine");
    try {
        check(false, "the sky is green");
        FAIL();
    } catch (Error const& e) {
        EXPECT_THAT(e.what(), HasSubstr("the sky is green (cast_test.cpp:"));
    }
}

TEST(ExitCodes, AreThoseOfTheContract) {
    EXPECT_EQ(InputError("x").exit_code(), ExitCode{2});
    EXPECT_EQ(VerificationError("x").exit_code(), ExitCode{3});
    EXPECT_EQ(Error("x").exit_code(), ExitCode{1});
}

}  // namespace
}  // namespace epsim
