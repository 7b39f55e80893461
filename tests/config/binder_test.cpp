#include "config/binder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "config/support.hpp"
#include "support/temporary_directory.hpp"

namespace epsim {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A program with one command, as app/ builds it.
class Program {
public:
    Program() : command_(root_.add_subcommand("run", "run it")), binder_(*command_) {}

    ResolvedConfig parse(std::vector<std::string> args) {
        std::ranges::reverse(args);  // CLI11 takes them from the back
        args.push_back("run");
        root_.parse(args);
        return resolve(binder_.input(), source_preset);
    }
    ConfigBinder const& binder() const { return binder_; }
    std::string help() const { return command_->help(); }

private:
    CLI::App root_{"program"};
    CLI::App* command_;
    ConfigBinder binder_;
};

std::vector<std::string> with(std::vector<std::string> args) {
    args.insert(args.end(), {"--routing.generator=zipf", "--tokens.per_rank=8"});
    return args;
}

Config config_of(std::vector<std::string> args) {
    Program program;
    return program.parse(with(std::move(args))).config;
}

TEST(Binder, TakesValuesWithEqualsOrSpace) {
    EXPECT_EQ(config_of({"--model.top_k=3"}).shape.top_k, 3);
    EXPECT_EQ(config_of({"--model.top_k", "3"}).shape.top_k, 3);
    EXPECT_EQ(config_of({"--model.layers", "[1,2]"}).model.layers, "[1, 2]");
    EXPECT_EQ(config_of({"--model.scale=1/8"}).shape.hidden, 128);
    EXPECT_THAT(error_of([] {
                    config_of({"--tokens.steps", "-1"});
                }),
                HasSubstr("--tokens.steps = -1 is not allowed"));
}

TEST(Binder, HyphenAndUnderscoreAreEqual) {
    EXPECT_EQ(config_of({"--measure.min-passes=7"}).measure.min_passes, 7);
    for (auto const* flag :
         {"--model.dense_residual_intermediate=9", "--model.dense-residual-intermediate=9",
          "--model.dense-residual_intermediate=9", "--model.dense_residual-intermediate=9"})
        EXPECT_EQ(config_of({flag}).shape.dense_residual_intermediate, 9) << flag;
}

TEST(Binder, TheLastOfARepeatedFlagCounts) {
    EXPECT_EQ(config_of({"--measure.min-passes=7", "--measure.min_passes=8"}).measure.min_passes,
              8);
}

TEST(Binder, BooleansMayStandAlone) {
    EXPECT_TRUE(config_of({"--tokens.split_sources"}).tokens.split_sources);
    EXPECT_TRUE(config_of({"--tokens.split_sources=true"}).tokens.split_sources);
    EXPECT_FALSE(config_of({"--model.distinct_weights", "false"}).model.distinct_weights);
    EXPECT_TRUE(config_of({}).model.distinct_weights);
}

TEST(Binder, AliasesOfTheContract) {
    EXPECT_EQ(config_of({"--verify=off"}).measure.verify, "off");
    EXPECT_EQ(config_of({"--device", "cuda"}).compute.device, "cuda");
    for (auto const* flag : {"--timeout-s=2.5", "--timeout_s=2.5", "--measure.timeout-s=2.5"})
        EXPECT_EQ(config_of({flag}).measure.timeout_s, 2.5) << flag;
    EXPECT_EQ(config_of({"--stall-s", "30"}).measure.stall_s, 30);
    EXPECT_THAT(error_of([] { config_of({"--stall-s=-1"}); }), HasSubstr("seconds from 0 up"));
}

TEST(Binder, GivesAFlagsTextBeforeFilesAreRead) {
    Program program;
    program.parse(with({"--stall-s=1", "--measure.stall_s=2"}));
    EXPECT_EQ(program.binder().flag("measure.stall_s"), "2");
    EXPECT_EQ(program.binder().flag("measure.timeout_s"), std::nullopt);
}

TEST(Binder, UnknownFlagsNameTheNearest) {
    EXPECT_EQ(error_of([] { config_of({"--model.topk=3"}); }),
              "unknown flag --model.topk (nearest: --model.top_k). See epsim run --help");
    EXPECT_THAT(error_of([] { config_of({"--verfy", "off"}); }), HasSubstr("nearest: --verify"));
    EXPECT_THAT(error_of([] { config_of({"stray"}); }), HasSubstr("unexpected argument 'stray'"));
}

TEST(Binder, ReadsTheFile) {
    TemporaryDirectory const directory;
    auto const path = directory.write("epsim_binder_test.toml", "[model]\ntop_k = 5\n");
    Program program;
    auto const resolved = program.parse(with({"--config", path.string(), "--dump-config"}));
    EXPECT_EQ(resolved.config.shape.top_k, 5);
    EXPECT_EQ(resolved.config.name, "epsim_binder_test");
    EXPECT_EQ(resolved.origin.at("model.top_k"), "file " + path.string() + ":2");
    EXPECT_TRUE(program.binder().dump_requested());
    EXPECT_THAT(error_of([] { config_of({"--config=/nowhere.toml"}); }), HasSubstr("cannot read"));
}

TEST(Binder, HelpShowsEachKeyOnceInItsGroup) {
    auto const help = Program().help();
    EXPECT_THAT(help, HasSubstr("[exchange]:"));
    EXPECT_THAT(help, HasSubstr("--measure.min_passes INT"));
    EXPECT_THAT(help, HasSubstr("--measure.verify,--verify"));
    EXPECT_THAT(help, Not(HasSubstr("min-passes")));
}

}  // namespace
}  // namespace epsim
