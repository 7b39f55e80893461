#include "trace/npy_array.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "core/error.hpp"
#include "support/error_text.hpp"
#include "support/temporary_directory.hpp"

namespace epsim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string dictionary(std::string const& type, std::string const& shape,
                       std::string const& fortran = "False") {
    return "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

std::string npy(std::string const& header, std::string const& data, int version = 1) {
    auto const n = header.size();
    std::string file = std::string("\x93NUMPY") + static_cast<char>(version) + '\0';
    for (int byte = 0; byte < (version == 1 ? 2 : 4); ++byte)
        file += static_cast<char>(n >> (8 * byte));
    return file + header + data;
}

template <class T>
std::string bytes(std::vector<T> const& values) {
    return {reinterpret_cast<char const*>(values.data()), values.size() * sizeof(T)};
}

class NpyArrayTest : public ::testing::Test {
protected:
    NpyArray open(std::string const& file) { return NpyArray(directory_.write("a.npy", file)); }
    std::string complaint(std::string const& file) {
        return error_of<InputError>([&] { open(file); });
    }
    TemporaryDirectory directory_;
};

TEST_F(NpyArrayTest, ReadsEveryIntegerType) {
    auto const read = [&](std::string const& type, std::string const& data) {
        return open(npy(dictionary(type, "(2, 2)"), data)).integers(1, 3);
    };
    EXPECT_THAT(read("|u1", bytes<uint8_t>({9, 0, 1, 255})), ElementsAre(0, 1, 255));
    EXPECT_THAT(read("<u2", bytes<uint16_t>({9, 0, 1, 65535})), ElementsAre(0, 1, 65535));
    EXPECT_THAT(read("<u4", bytes<uint32_t>({9, 0, 1, UINT32_MAX})), ElementsAre(0, 1, UINT32_MAX));
    EXPECT_THAT(read("<u8", bytes<uint64_t>({9, 0, uint64_t{1} << 63, UINT64_MAX})),
                ElementsAre(0, INT64_MAX, INT64_MAX));
    EXPECT_THAT(read("|i1", bytes<int8_t>({9, 0, -1, -128})), ElementsAre(0, -1, -128));
    EXPECT_THAT(read("<i2", bytes<int16_t>({9, 0, -1, 32767})), ElementsAre(0, -1, 32767));
    EXPECT_THAT(read("<i4", bytes<int32_t>({9, 0, -1, 1 << 30})), ElementsAre(0, -1, 1 << 30));
    EXPECT_THAT(read("<i8", bytes<int64_t>({9, 0, -1, INT64_MAX})), ElementsAre(0, -1, INT64_MAX));
}

TEST_F(NpyArrayTest, ReadsEveryRealType) {
    auto const read = [&](std::string const& type, std::string const& data) {
        return open(npy(dictionary(type, "(5,)"), data)).reals(0, 5);
    };
    auto const inf = HUGE_VAL;
    EXPECT_THAT(read("<f4", bytes<float>({0, 1.5f, -2, 0x1p-149f, HUGE_VALF})),
                ElementsAre(0, 1.5, -2, 0x1p-149, inf));
    EXPECT_THAT(read("<f8", bytes<double>({0, 0.1, -2, 5e-324, inf})),
                ElementsAre(0, 0.1, -2, 5e-324, inf));
    // IEEE 754 binary16: 1.5, the largest, the smallest subnormal, minus infinity, 1/3 rounded.
    EXPECT_THAT(read("<f2", bytes<uint16_t>({0x3e00, 0x7bff, 0x0001, 0xfc00, 0x3555})),
                ElementsAre(1.5, 65504, 0x1p-24, -inf, 0.333251953125));
    auto const nan = read("<f2", bytes<uint16_t>({0x7e00, 0, 0x8000, 0x0400, 0x03ff}));
    EXPECT_TRUE(std::isnan(nan[0]));
    EXPECT_THAT(std::vector(nan.begin() + 1, nan.end()),
                ElementsAre(0, 0, 0x1p-14, 1023 * 0x1p-24));
    EXPECT_THAT(read("<u2", bytes<uint16_t>({0, 1, 2, 3, 65535})), ElementsAre(0, 1, 2, 3, 65535));
}

TEST_F(NpyArrayTest, ReadsBothVersionsAndAnyOrderOfKeys) {
    auto const data = bytes<uint8_t>({1, 2, 3, 4, 5, 6});
    EXPECT_THAT(open(npy(dictionary("|u1", "(2, 3)"), data, 2)).shape(), ElementsAre(2, 3));
    EXPECT_THAT(
        open(npy("{\"shape\":(6,),\"fortran_order\":False,\"descr\":\"<u1\"}   \n", data)).shape(),
        ElementsAre(6));
    EXPECT_THAT(open(npy(dictionary("|u1", "()"), "x")).shape(), ElementsAre());
    EXPECT_EQ(open(npy(dictionary("|u1", "(6,)"), data)).kind(), NpyArray::Kind::integer);
    EXPECT_EQ(open(npy(dictionary("<f2", "(3,)"), data)).kind(), NpyArray::Kind::real);
}

TEST_F(NpyArrayTest, RefusesOtherOrdersAndTypes) {
    auto const eight = bytes<int64_t>({1});
    EXPECT_THAT(complaint(npy(dictionary(">i8", "(1,)"), eight)), HasSubstr("big endian"));
    EXPECT_THAT(complaint(npy(dictionary("<i8", "(1,)", "True"), eight)), HasSubstr("Fortran"));
    for (auto const* type :
         {"=i8", "i8", "|i8", "<c8", "<U2", "|O", "|b1", "<u16", "<f16", "<", "", "<i88", "<M8[s]"})
        EXPECT_THAT(complaint(npy(dictionary(type, "(1,)"), eight)), HasSubstr("element type"))
            << type;
}

TEST_F(NpyArrayTest, RefusesShapesThatTheFileDoesNotHold) {
    auto const data = bytes<int64_t>({1, 2});
    for (auto const* shape :
         {"(3,)", "(9223372036854775807,)", "(4294967296, 4294967296)", "(2, 9223372036854775807)",
          "(1152921504606846976, 8)", "(1, 1, 1, 1, 4611686018427387904)"})
        EXPECT_THAT(complaint(npy(dictionary("<i8", shape), data)), HasSubstr("needs more bytes"))
            << shape;
    EXPECT_THAT(complaint(npy(dictionary("<i8", "(1,)"), data)),
                HasSubstr("8 bytes where it has 16"));
    for (auto const* shape : {"(0,)", "(0, 9223372036854775807)", "(2, 0)"})
        EXPECT_THAT(complaint(npy(dictionary("<i8", shape), "")), HasSubstr("it is empty"));
    for (auto const* shape :
         {"(-2,)", "(2.0,)", "(2L,)", "2", "(99999999999999999999,)", "(2 2)", "[2]", "(2,", "(,)"})
        EXPECT_THAT(complaint(npy(dictionary("<i8", shape), data)), HasSubstr("no .npy file"))
            << shape;
}

TEST_F(NpyArrayTest, RefusesBrokenHeaders) {
    auto const good = npy(dictionary("|u1", "(3,)"), "abc");
    EXPECT_EQ(complaint(good), "no error");
    for (std::size_t n = 0; n < good.size(); ++n)
        EXPECT_THAT(complaint(good.substr(0, n)),
                    ::testing::AnyOf(HasSubstr("no .npy file"), HasSubstr("no array")))
            << n << " bytes";
    EXPECT_THAT(complaint(npy(dictionary("|u1", "(3,)"), "abc", 3)), HasSubstr("format 3.0"));
    EXPECT_THAT(complaint(npy("{'descr': '|u1', 'shape': (3,)}", "abc")), HasSubstr("header"));
    EXPECT_THAT(complaint(npy("{'descr': '|u1', 'descr': '|u1', 'shape': (3,)}", "abc")),
                HasSubstr("twice"));
    EXPECT_THAT(complaint(npy(dictionary("|u1", "(3,)") + "x", "abc")), HasSubstr("header"));
    EXPECT_THAT(complaint(npy("{'evil': __import__('os')}", "abc")), HasSubstr("header"));
    EXPECT_THAT(complaint(""), HasSubstr("does not begin as one"));
}

TEST_F(NpyArrayTest, SurvivesRandomDamage) {
    std::mt19937 random(4);
    auto const good = npy(dictionary("<i2", "(2, 3)"), bytes<int16_t>({1, 2, 3, 4, 5, 6}));
    int read = 0;
    for (int i = 0; i < 400; ++i) {
        auto file = good;
        for (int flips = 0; flips < 1 + i % 3; ++flips)
            file[random() % file.size()] = static_cast<char>(random());
        try {
            auto const array = open(file);
            array.reals(0, array.size());
            ++read;
        } catch (InputError const&) {
        }
    }
    EXPECT_GT(read, 0);
    EXPECT_LT(read, 400);
}

TEST_F(NpyArrayTest, RefusesWhatIsNoFile) {
    EXPECT_THAT(error_of<InputError>([&] { NpyArray(directory_.path() / "none.npy"); }),
                HasSubstr("No such file"));
    EXPECT_THAT(error_of<InputError>([&] { NpyArray array(directory_.path()); }),
                HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace epsim
