#include "report/table.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <random>

#include "core/error.hpp"

namespace epsim {
namespace {

std::vector<std::string> lines_of(std::string const& text) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
        auto const end = text.find('\n', begin);
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

TEST(Table, AlignsWordsLeftAndNumbersRight) {
    Table table({{"name", Align::left}, {"time"}});
    table.add({"a", "1.5 s"});
    table.add({"dispatch", "10.25 s"});
    EXPECT_EQ(table.text({}),
              "name         time\n"
              "-----------------\n"
              "a           1.5 s\n"
              "dispatch  10.25 s\n");
}

TEST(Table, ShortensWordsBeforeNumbers) {
    Table table({{"name", Align::left}, {"time"}});
    table.add({"a_very_long_name_of_a_host", "123456789"});
    EXPECT_EQ(lines_of(table.text({21, Charset::ascii})).back(), "a_very_l..  123456789");
    EXPECT_EQ(lines_of(table.text({21, Charset::utf8})).back(), "a_very_lo…  123456789");
}

TEST(Table, NeverExceedsItsWidth) {
    std::mt19937 random(1);
    for (int trial = 0; trial < 200; ++trial) {
        auto const columns = 1 + random() % 8;
        std::vector<Table::Column> heads;
        for (std::size_t c = 0; c < columns; ++c)
            heads.push_back(
                {std::string(random() % 30, 'h'), random() % 2 == 0 ? Align::left : Align::right});
        Table table(heads);
        for (int row = 0; row < 3; ++row) {
            std::vector<std::string> cells;
            for (std::size_t c = 0; c < columns; ++c) {
                cells.emplace_back();
                for (auto n = random() % 40; n > 0; --n) cells.back() += random() % 2 ? "é" : "x";
            }
            table.add(cells);
        }
        for (auto const charset : {Charset::ascii, Charset::utf8})
            for (auto const& line : lines_of(table.text({60, charset})))
                EXPECT_LE(columns_of(line), 60U) << line;
    }
}

TEST(Table, RefusesARowOfAnotherLength) {
    Table table({{"a"}, {"b"}});
    EXPECT_THROW(table.add({"1"}), Error);
}

TEST(TextStyle, KeepsOnlyWhatATerminalShowsInOneColumn) {
    EXPECT_EQ(printable("plain", Charset::ascii), "plain");
    EXPECT_EQ(printable("a\x1b[31m\n\x7f", Charset::utf8), "a?[31m??");
    EXPECT_EQ(printable("Zürich", Charset::utf8), "Zürich");
    EXPECT_EQ(printable("Zürich", Charset::ascii), "Z?rich");
    EXPECT_EQ(printable("\xc3", Charset::utf8), "?");          // cut short
    EXPECT_EQ(printable("\xff\x80x", Charset::utf8), "??x");   // no UTF-8
    EXPECT_EQ(printable("\xe2\x80\xae", Charset::utf8), "?");  // right-to-left override
    EXPECT_EQ(printable("\xe6\xbc\xa2", Charset::utf8), "?");  // two columns wide
}

TEST(TextStyle, WrapsAtSpacesAndCutsLongWords) {
    using Lines = std::vector<std::string>;
    EXPECT_EQ(wrap("one two three", 7), (Lines{"one two", "three"}));
    EXPECT_EQ(wrap("one two", 7), (Lines{"one two"}));
    EXPECT_EQ(wrap("abcdefgh ij", 4), (Lines{"abcd", "efgh", "ij"}));
    EXPECT_EQ(wrap("", 4), (Lines{""}));
    EXPECT_EQ(fact("label", "aaaa bbbb", {20, Charset::ascii}),
              "label        aaaa\n             bbbb\n");
}

TEST(TextStyle, ReadsTheLocaleAndNeedsATerminal) {
    EXPECT_TRUE(names_utf8("en_GB.UTF-8"));
    EXPECT_TRUE(names_utf8("C.utf8"));
    EXPECT_FALSE(names_utf8("C"));
    EXPECT_FALSE(names_utf8("de_DE.ISO-8859-1"));
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    setenv("LC_ALL", "C.UTF-8", 1);
    EXPECT_EQ(charset_of(ends[1]), Charset::ascii);
    unsetenv("LC_ALL");
    close(ends[0]);
    close(ends[1]);
}

TEST(TextStyle, DrawsBarsInProportion) {
    EXPECT_EQ(bar(0.5, 10, Charset::ascii), "#####");
    EXPECT_EQ(bar(7, 3, Charset::ascii), "###");
    EXPECT_EQ(bar(-1, 3, Charset::ascii), "");
    EXPECT_EQ(bar(std::nan(""), 3, Charset::ascii), "");
    EXPECT_EQ(columns_of(bar(1, 20, Charset::utf8)), 20U);
}

}  // namespace
}  // namespace epsim
