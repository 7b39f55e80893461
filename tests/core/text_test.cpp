#include "core/text.hpp"

#include <gmock/gmock.h>

#include <limits>
#include <random>

#include "core/error.hpp"

namespace epsim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ParseSize, TakesBinarySuffixes) {
    EXPECT_EQ(parse_size("0"), 0);
    EXPECT_EQ(parse_size("8K"), 8192);
    EXPECT_EQ(parse_size("1m"), 1 << 20);
    EXPECT_EQ(parse_size("2G"), int64_t{2} << 30);
    EXPECT_EQ(parse_size("3T"), int64_t{3} << 40);
    EXPECT_EQ(parse_size(" 17 "), 17);
    EXPECT_EQ(parse_size("-4"), -4);
    EXPECT_EQ(parse_size("-1K"), -1024);
}

TEST(ParseSize, AcceptsExactlyWhatFits63Bits) {
    EXPECT_EQ(parse_size("9223372036854775807"), INT64_MAX);
    EXPECT_EQ(parse_size("8388607T"), int64_t{8388607} << 40);
    EXPECT_EQ(parse_size("-9223372036854775808"), INT64_MIN);
    EXPECT_EQ(parse_size("-8388608T"), INT64_MIN);
    for (auto const* text : {"9223372036854775808", "8388608T", "9007199254740992K",
                             "99999999999999999999", "-9007199254740993K", "-9223372036854775808K"})
        EXPECT_THROW(parse_size(text), InputError) << text;
}

TEST(ParseSize, RejectsTheRest) {
    for (auto const* text : {"", " ", "K", "1.5", "1KB", "0x10", "1e3", "1 K 2", "--1", "1P", "k1"})
        EXPECT_THROW(parse_size(text), InputError) << "'" << text << "'";
    try {
        parse_size("12Q");
        FAIL();
    } catch (InputError const& e) {
        EXPECT_THAT(e.what(), HasSubstr("'12Q' is no size"));
    }
}

TEST(ParseRatio, TakesNumbersAndFractions) {
    EXPECT_DOUBLE_EQ(parse_ratio("0.125"), 0.125);
    EXPECT_DOUBLE_EQ(parse_ratio("1e-4"), 1e-4);
    EXPECT_DOUBLE_EQ(parse_ratio("1/8"), 0.125);
    EXPECT_DOUBLE_EQ(parse_ratio(" 3 / 4 "), 0.75);
    EXPECT_DOUBLE_EQ(parse_ratio("-2/4"), -0.5);
    for (auto const* text :
         {"", "/", "1/", "/2", "1/0", "0/0", "1/2/3", "a", "1x", "inf", "nan", "1/nan"})
        EXPECT_THROW(parse_ratio(text), InputError) << "'" << text << "'";
}

TEST(FormatBytes, UsesBinaryUnits) {
    EXPECT_EQ(format_bytes(0), "0 B");
    EXPECT_EQ(format_bytes(1023), "1023 B");
    EXPECT_EQ(format_bytes(1024), "1.00 KiB");
    EXPECT_EQ(format_bytes(1536), "1.50 KiB");
    EXPECT_EQ(format_bytes(0x1p31), "2.00 GiB");
    EXPECT_EQ(format_bytes(-2048), "-2.00 KiB");
    EXPECT_EQ(format_bytes(0x1p70), "1024.00 EiB");
}

TEST(FormatSi, KeepsFourDigits) {
    EXPECT_EQ(format_si(0.0012, "s"), "1.200 ms");
    EXPECT_EQ(format_si(0, "s"), "0 s");
    EXPECT_EQ(format_si(1, "s"), "1.000 s");
    EXPECT_EQ(format_si(12.345, "B/s"), "12.35 B/s");
    EXPECT_EQ(format_si(123.45, "s"), "123.5 s");
    EXPECT_EQ(format_si(-1500, "s"), "-1.500 ks");
    EXPECT_EQ(format_si(999.96, "s"), "1.000 ks");
    EXPECT_EQ(format_si(999.94, "s"), "999.9 s");
    EXPECT_EQ(format_si(9.9996, "s"), "10.00 s");
    EXPECT_EQ(format_si(1e-15, "s"), "0.001 ps");
    EXPECT_EQ(format_si(1e21, "s"), "1000.0 Es");
    EXPECT_EQ(format_si(std::numeric_limits<double>::quiet_NaN(), "s"), "-");
    EXPECT_EQ(format_si(std::numeric_limits<double>::infinity(), "s"), "-");
}

TEST(Split, TrimsAndKeepsEmptyPieces) {
    EXPECT_THAT(split("", ','), ElementsAre());
    EXPECT_THAT(split("  ", ','), ElementsAre());
    EXPECT_THAT(split("a", ','), ElementsAre("a"));
    EXPECT_THAT(split(" a , b,c ", ','), ElementsAre("a", "b", "c"));
    EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
}

/// Levenshtein's definition, without memory: exponential, for short words only.
std::size_t distance(std::string_view a, std::string_view b) {
    if (a.empty() || b.empty()) return a.size() + b.size();
    if (a[0] == b[0]) return distance(a.substr(1), b.substr(1));
    return 1 + std::min({distance(a.substr(1), b), distance(a, b.substr(1)),
                         distance(a.substr(1), b.substr(1))});
}

TEST(Nearest, HasTheLeastEditDistance) {
    std::mt19937 random(1);
    auto const word = [&] {
        std::string text(random() % 6, ' ');
        for (char& c : text) c = static_cast<char>('a' + random() % 3);
        return text;
    };
    for (int trial = 0; trial < 200; ++trial) {
        std::vector<std::string> candidates(1 + random() % 5);
        for (auto& c : candidates) c = word();
        auto const wanted = word();
        auto least = distance(wanted, candidates[0]);
        for (auto const& c : candidates) least = std::min(least, distance(wanted, c));
        EXPECT_EQ(distance(wanted, nearest(wanted, candidates)), least) << wanted;
    }
    EXPECT_EQ(nearest("x", {}), "");
    std::vector<std::string> const keys{"top_k", "hidden", "num_experts"};
    EXPECT_EQ(nearest("topk", keys), "top_k");
    EXPECT_EQ(nearest("hiden", keys), "hidden");
}

}  // namespace
}  // namespace epsim
