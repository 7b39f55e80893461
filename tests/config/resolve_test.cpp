#include "config/resolve.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "config/key.hpp"
#include "config/support.hpp"

namespace epsim {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Resolve, DefaultThenPresetThenFileThenCommandLine) {
    std::string const text = routed + "[model]\npreset = \"deepseek-v2-lite\"\nmoe_layers = 5\n";
    auto const from_preset = resolve_text(text);
    EXPECT_EQ(from_preset.config.shape.top_k, 6);
    EXPECT_EQ(from_preset.config.shape.num_experts, 64);
    EXPECT_EQ(from_preset.config.shape.moe_layers, 5);
    EXPECT_EQ(from_preset.config.measure.warmup, MeasureOptions{}.warmup);
    EXPECT_EQ(from_preset.origin.at("model.top_k"), "preset deepseek-v2-lite");
    EXPECT_EQ(from_preset.origin.at("model.moe_layers"), "file /folder/run.toml:7");
    EXPECT_EQ(from_preset.origin.at("measure.warmup"), "default");

    auto const from_flags = resolve_text(text, {{"model.top_k", "4"}, {"model.moe_layers", "3"}});
    EXPECT_EQ(from_flags.config.shape.top_k, 4);
    EXPECT_EQ(from_flags.config.shape.moe_layers, 3);
    EXPECT_EQ(from_flags.origin.at("model.moe_layers"), "command line");
    EXPECT_EQ(from_flags.origin.at("model.num_experts"), "preset deepseek-v2-lite");
}

TEST(Resolve, PresetOnTheCommandLineReplacesTheFilesOne) {
    std::string const text = routed + "[model]\npreset = \"deepseek-v2-lite\"\n";
    EXPECT_EQ(resolve_text(text, {{"model.preset", "Mixtral-8x7B"}}).config.shape.name,
              "Mixtral-8x7B");
    EXPECT_EQ(resolve_text(text, {{"model.preset", "none"}}).config.shape.name, "custom");
}

TEST(Resolve, ATraceFillsInWhatNobodySets) {
    auto const facts = [](std::string const& trace) -> std::vector<Override> {
        EXPECT_EQ(trace, "/folder/t.h5");
        return {{"model.num_experts", "64"}, {"model.top_k", "6"}};
    };
    auto const with = [&](std::string const& text) {
        return resolve({ConfigFile{"/folder/run.toml", text}, {}}, source_preset, facts);
    };
    std::string const traced = "[routing]\ntrace = \"t.h5\"\n";
    auto const bare = with(traced);
    EXPECT_EQ(bare.config.shape.num_experts, 64);
    EXPECT_EQ(bare.config.shape.top_k, 6);
    EXPECT_EQ(bare.origin.at("model.top_k"), "trace /folder/t.h5");
    EXPECT_EQ(with(traced + "[model]\ntop_k = 2\n").config.shape.top_k, 2);
    EXPECT_EQ(with(traced + "[model]\npreset = \"olmoe-1b-7b\"\n").config.shape.top_k, 8);
}

TEST(Resolve, TheCommandLinesRoutingReplacesTheFiles) {
    auto const traced =
        resolve_text("[routing]\ngenerator = \"zipf\"\n", {{"routing.trace", "/t.h5"}});
    EXPECT_EQ(traced.config.routing.trace, "/t.h5");
    EXPECT_EQ(traced.config.routing.generator, "");
    EXPECT_EQ(traced.origin.at("routing.generator"), "default");
    auto const drawn = resolve_text("[routing]\ntrace = \"t.h5\"\n",
                                    {{"routing.generator", "uniform"}, {"tokens.per_step", "8"}});
    EXPECT_EQ(drawn.config.routing.trace, "");
    EXPECT_EQ(drawn.config.routing.generator, "uniform");
    EXPECT_THROW(resolve_text("[routing]\ngenerator = \"zipf\"\ntrace = \"t.h5\"\n"), InputError);
}

TEST(Resolve, NameIsTheFileElseThePreset) {
    EXPECT_EQ(resolve_text(routed).config.name, "run");
    std::vector<Override> flags{{"routing.generator", "zipf"}, {"tokens.per_rank", "8"}};
    EXPECT_EQ(resolve({{}, flags}, source_preset).config.name, "custom");
    flags.push_back({"model.preset", "dbrx"});
    EXPECT_EQ(resolve({{}, flags}, source_preset).config.name, "dbrx");
}

TEST(Resolve, ReadsSizesRatiosAndLists) {
    auto const c = resolve_text(
                       "[model]\nscale = \"1/8\"\nhidden = \"4K\"\nlayers = [1,2, 26]\n"
                       "[routing]\ngenerator = \"zipf\"\nzipf_s = 1\n"
                       "[tokens]\nper_step = \"1M\"\n[measure]\nverify = 128\n")
                       .config;
    EXPECT_EQ(c.model.scale, 0.125);
    EXPECT_EQ(c.shape.hidden, 512);
    EXPECT_EQ(c.model.layers, "[1, 2, 26]");
    EXPECT_EQ(c.tokens.per_step, 1 << 20);
    EXPECT_EQ(c.measure.verify, "128");
}

TEST(Resolve, WireTypesFollowTheModelUnlessSet) {
    auto const follow = resolve_text(routed + "[model]\ndtype = \"fp32\"\n");
    EXPECT_EQ(follow.config.exchange.wire_dtype, DType::f32);
    EXPECT_EQ(follow.config.exchange.combine_dtype, DType::f32);
    auto const set =
        resolve_text(routed + "[model]\ndtype = \"fp32\"\n", {{"exchange.wire_dtype", "bf16"}});
    EXPECT_EQ(set.config.exchange.wire_dtype, DType::bf16);
    EXPECT_EQ(set.config.exchange.combine_dtype, DType::f32);
}

TEST(Resolve, ScaleChangesHiddenOnly) {
    auto const c = resolve_text(routed +
                                "[model]\npreset = \"mixtral-8x7b\"\nscale = \"1/8\"\n"
                                "dispatch_hidden = 1024\n")
                       .config.shape;
    EXPECT_EQ(c.hidden, 512);
    EXPECT_EQ(c.dispatch_hidden, 128);
    EXPECT_EQ(c.expert_intermediate, 14336);
    EXPECT_EQ(
        resolve_text(routed + "[model]\nhidden = 3072\nscale = \"1/3\"\n").config.shape.hidden,
        1024);
}

TEST(Resolve, TraceInAFileIsRelativeToThatFile) {
    std::string const text = "[routing]\ntrace = \"traces/../t.h5\"\n";
    EXPECT_EQ(resolve_text(text).config.routing.trace, "/folder/t.h5");
    EXPECT_EQ(resolve_text(text, {{"routing.trace", "u.h5"}}).config.routing.trace, "u.h5");
    EXPECT_EQ(resolve_text("[routing]\ntrace = \"/t/x.h5\"\n").config.routing.trace, "/t/x.h5");
}

TEST(Resolve, PathsStayRelativeButInTheDump) {
    auto const resolved = resolve(
        {ConfigFile{"configs/run.toml", "[routing]\ntrace = \"t.h5\"\n"}, {}}, source_preset);
    EXPECT_EQ(resolved.config.routing.trace, "configs/t.h5");
    EXPECT_THAT(resolved.canonical, HasSubstr("trace = \"configs/t.h5\"\n"));
    auto const absolute = (std::filesystem::current_path() / "configs/t.h5").string();
    EXPECT_THAT(resolved.dump,
                HasSubstr("trace = \"" + absolute + "\"  # file configs/run.toml:2"));
    EXPECT_EQ(resolve_text(resolved.dump).config.routing.trace, absolute);
}

TEST(Resolve, APluginIsAPathToo) {
    std::string const plugin = "[exchange]\nbackend = \"plugin\"\nplugin = ";
    auto const here = resolve_text(routed + plugin + "\"a/x.so\"\n");
    EXPECT_EQ(here.config.exchange.plugin, "/folder/a/x.so");
    auto const there = resolve_text(routed + plugin + "\"/b/x.so\"\n");
    EXPECT_NE(here.canonical, there.canonical);
    EXPECT_EQ(here.without_folders, there.without_folders);
    EXPECT_THAT(here.without_folders, HasSubstr("plugin = \"x.so\"\n"));
    EXPECT_THROW(resolve_text(routed + "[exchange]\nbackend = \"plugin\"\n"), InputError);
    EXPECT_THROW(resolve_text(routed + "[exchange]\nplugin = \"x.so\"\n"), InputError);
    EXPECT_THROW(resolve_text(routed + plugin + "\"x.so\"\nalgorithm = \"ring\"\n"), InputError);
}

TEST(Resolve, DumpHasOriginsAndLoadsAgain) {
    auto const first = resolve_text(routed +
                                        "[model]\npreset = \"deepseek-v3\"\nscale = 0.25\n"
                                        "layers = 2\n[output]\ndir = \"out \\\"x\\\"\"\n",
                                    {{"measure.verify", "off"}, {"model.top_k", "4"}});
    EXPECT_THAT(first.dump, HasSubstr("top_k = 4  # command line\n"));
    EXPECT_THAT(first.dump, HasSubstr("num_experts = 256  # preset deepseek-v3\n"));
    EXPECT_THAT(first.dump, HasSubstr("layers = 2  # file /folder/run.toml:8\n"));
    EXPECT_THAT(first.dump, HasSubstr("wire_dtype = \"bf16\"  # default, model.dtype\n"));
    EXPECT_THAT(first.dump, HasSubstr("warmup = 1  # default\n"));

    auto const again = resolve_text(first.dump);
    EXPECT_EQ(again.canonical, first.canonical);
    EXPECT_EQ(again.config.shape.hidden, 1792);
    EXPECT_EQ(again.config.output_dir, "out \"x\"");
    for (Key const& key : config_keys())
        EXPECT_EQ(key.get(again.config), key.get(first.config)) << key.path;
}

TEST(Resolve, CanonicalTextDependsOnTheSettingsAlone) {
    auto const preset = resolve_text(routed + "[model]\npreset = \"olmoe-1b-7b\"\n");
    std::vector<Override> spelled{{"routing.generator", "uniform"}, {"tokens.per_step", "64"}};
    for (Key const& key : config_keys())
        if (key.scope == KeyScope::shape) {
            auto text = key.get(preset.config);
            std::erase(text, '"');
            spelled.push_back({key.path, text});
        }
    spelled.push_back({"output.dir", "elsewhere"});
    spelled.push_back({"measure.timeout_s", "60"});
    spelled.push_back({"measure.stall_s", "60"});
    auto const flags = resolve({{}, spelled}, source_preset);
    EXPECT_EQ(flags.canonical, preset.canonical);
    EXPECT_THAT(flags.canonical, Not(HasSubstr("elsewhere")));
    EXPECT_THAT(flags.canonical, Not(HasSubstr("#")));
    EXPECT_NE(resolve_text(routed + "[model]\ntop_k = 1\n").canonical,
              resolve_text(routed).canonical);
}

TEST(Resolve, TextWithoutFoldersDoesNotSayWhereTheTraceLies) {
    auto const here = resolve_text("[routing]\ntrace = \"base.h5\"\n");
    auto const there = resolve_text("[routing]\ntrace = \"/else where/base.h5\"\n");
    EXPECT_NE(here.canonical, there.canonical);
    EXPECT_EQ(here.without_folders, there.without_folders);
    EXPECT_THAT(here.without_folders, HasSubstr("\ntrace = \"base.h5\"\n"));
    EXPECT_NE(resolve_text("[routing]\ntrace = \"other.h5\"\n").without_folders,
              here.without_folders);
    auto const generated = resolve_text(routed);
    EXPECT_EQ(generated.without_folders, generated.canonical);
}

TEST(Resolve, CanonicalTextResolvesWithoutAnyOtherFile) {
    auto const first = resolve_text("[routing]\ntrace = \"t.h5\"\n[model]\npreset = \"kimi-k2\"\n");
    auto const no_presets = [](std::string_view) -> ConfigFile { throw Error("read a preset"); };
    auto const second = resolve({ConfigFile{"run.toml", first.canonical}, {}}, no_presets);
    EXPECT_EQ(second.canonical, first.canonical);
    EXPECT_EQ(second.config.shape.name, "Kimi-K2");
    EXPECT_EQ(second.config.routing.trace, "/folder/t.h5");
    EXPECT_EQ(second.config.name, "run");
}

TEST(Keys, AreDistinctAndDescribed) {
    std::set<std::string> paths;
    for (Key const& key : config_keys()) {
        EXPECT_TRUE(paths.insert(key.path).second) << key.path;
        EXPECT_FALSE(key.help.empty() || key.type.empty() || key.allowed.empty()) << key.path;
    }
}

TEST(Keys, EveryDefaultIsAllowed) {
    Config const defaults;
    for (Key const& key : config_keys()) {
        Config config;
        auto text = key.get(defaults);
        std::erase(text, '"');
        EXPECT_TRUE(key.set(config, text)) << key.path;
        EXPECT_EQ(key.get(config), key.get(defaults)) << key.path;
    }
}

}  // namespace
}  // namespace epsim
