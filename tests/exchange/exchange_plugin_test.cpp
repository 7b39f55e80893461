#include "exchange/plugin/exchange_plugin.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.hpp"
#include "core/sha256.hpp"
#include "exchange/plugin_path.hpp"
#include "support/temporary_directory.hpp"

namespace epsim {
namespace {

using test::plugin_path;
using testing::HasSubstr;
using testing::StartsWith;

/// What a user reads about a file that is no plugin.
std::string refusal(std::string const& path) {
    try {
        ExchangePlugin const loaded(path);
    } catch (InputError const& e) {
        EXPECT_THAT(e.what(), StartsWith("exchange.plugin = "));
        return e.what();
    }
    ADD_FAILURE() << path << " was taken";
    return "";
}

TEST(ExchangePlugin, SaysWhatItIs) {
    ExchangePlugin const sample(plugin_path("sample"));
    EXPECT_EQ(sample.name(), "epsim-sample");
    EXPECT_EQ(sample.version(), "1.0");
    EXPECT_EQ(sample.path(), plugin_path("sample"));
    std::ifstream file(plugin_path("sample"), std::ios::binary);
    std::string const bytes(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(sample.sha256(), sha256_hex(bytes));
    EXPECT_THAT(sample.description(), HasSubstr("epsim-sample 1.0 ("));
}

TEST(ExchangePlugin, AFileThatIsNoLibraryIsRefused) {
    EXPECT_THAT(refusal(plugin_path("missing")), HasSubstr("cannot be read"));
    EXPECT_THAT(refusal(test::plugin_folder()), HasSubstr("cannot"));
    TemporaryDirectory const folder;
    EXPECT_THAT(refusal(folder.write("text.so", std::string(100, 'x'))),
                HasSubstr("invalid ELF header"));
}

TEST(ExchangePlugin, ALibraryThatIsNoPluginIsRefused) {
    EXPECT_THAT(refusal(plugin_path("no_plugin")),
                HasSubstr("undefined symbol: epsim_exchange_plugin"));
}

TEST(ExchangePlugin, AnotherVersionIsRefusedNamingBoth) {
    EXPECT_THAT(refusal(plugin_path("wrong_version")),
                HasSubstr("built for version 999 of the plugin interface, this epsim has 1"));
}

TEST(ExchangePlugin, AnIncompleteTableIsRefused) {
    EXPECT_THAT(refusal(plugin_path("short_table")), HasSubstr("its table has 16 bytes"));
    EXPECT_THAT(refusal(plugin_path("null_function")), HasSubstr("all_to_all_rows is null"));
    EXPECT_THAT(refusal(plugin_path("half_memory")), HasSubstr("one of alloc and free"));
}

}  // namespace
}  // namespace epsim
