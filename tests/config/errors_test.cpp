#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/support.hpp"

namespace epsim {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string file_error(std::string const& text) {
    return error_of([&] { resolve_text(text); });
}

std::string flag_error(std::string const& path, std::string const& value) {
    return error_of([&] { resolve_text(routed, {{path, value}}); });
}

TEST(ConfigErrors, UnknownKeyNamesPlaceAndNearest) {
    EXPECT_EQ(file_error("# comment\n[model]\n  topk = 9\n"),
              "/folder/run.toml:3:3: unknown key 'model.topk' (nearest: model.top_k). Correct it");
    EXPECT_THAT(file_error("[modle]\nhidden = 9\n"), HasSubstr("nearest: model.hidden"));
    EXPECT_THAT(file_error("[exchange]\nkernel = \"onednn\"\n"),
                HasSubstr("nearest: compute.kernel"));
    EXPECT_THAT(file_error("top_k = 9\n"), HasSubstr(":1:1: unknown key 'top_k'"));
    EXPECT_THAT(file_error("[nothing]\n"), HasSubstr("unknown key 'nothing'"));
    EXPECT_THAT(file_error("model = 3\n"), HasSubstr("unknown key 'model'"));
    EXPECT_THAT(file_error("[model.top_k]\nx = 3\n"), HasSubstr("unknown key 'model.top_k.x'"));
}

TEST(ConfigErrors, TheFirstLineIsReported) {
    EXPECT_THAT(file_error("[tokens]\nzzz = 1\n[model]\naaa = 1\n"), HasSubstr(":2:1:"));
}

TEST(ConfigErrors, WrongValueNamesPlaceAndWhatIsAllowed) {
    EXPECT_EQ(file_error("[model]\ntop_k = true\n"),
              "/folder/run.toml:2:9: model.top_k = true is not allowed (it must be an integer from "
              "1 to 65536; K, M and G are powers of 1024). Correct it");
    for (auto const* line : {"top_k = 0",
                             "top_k = -3",
                             "top_k = 2.5",
                             "top_k = \"two\"",
                             "top_k = 99999999",
                             "top_k = [1]",
                             "top_k = 2020-01-01",
                             "top_k = {}",
                             "hidden = 100000000000",
                             "scale = 0",
                             "scale = -1",
                             "scale = \"1/0\"",
                             "scale = nan",
                             "scale = inf",
                             "distinct_weights = \"true\"",
                             "distinct_weights = 1",
                             "preset = 5",
                             "layers = 0",
                             "layers = []",
                             "layers = [1, \"a\"]",
                             "layers = [1, 1]",
                             "layers = \"some\"",
                             "capacity_factor_train = 0",
                             "capacity_factor_train = \"nil\"",
                             "name = 3"})
        EXPECT_THAT(file_error(std::string("[model]\n") + line + "\n"),
                    testing::AllOf(StartsWith("/folder/run.toml:2:"), HasSubstr("is not allowed")))
            << line;
}

TEST(ConfigErrors, UnknownChoiceNamesAllAndTheNearest) {
    EXPECT_EQ(flag_error("exchange.dedup", "nodes"),
              "--exchange.dedup = nodes is unknown (known: none, rank, node; nearest: node). "
              "Choose one");
    for (auto const* path :
         {"exchange.backend", "compute.kernel", "compute.device", "placement.strategy",
          "routing.generator", "tokens.assign", "model.dtype", "exchange.wire_dtype",
          "model.activation", "model.scoring", "model.weight_at", "model.weight_format"})
        EXPECT_THAT(flag_error(path, "quantum"), HasSubstr("is unknown (known: ")) << path;
    EXPECT_THAT(flag_error("tokens.assign", "roundrobin"), HasSubstr("nearest: round-robin"));
}

TEST(ConfigErrors, FlagsAreCheckedLikeFiles) {
    for (auto const& [path, value] :
         std::vector<std::pair<std::string, std::string>>{{"tokens.per_step", "-1"},
                                                          {"tokens.per_step", "1000G"},
                                                          {"tokens.steps", "-1"},
                                                          {"tokens.per_step", "12Q"},
                                                          {"measure.warmup", "-1"},
                                                          {"measure.min_passes", "0"},
                                                          {"measure.max_passes", "-1"},
                                                          {"measure.verify", "maybe"},
                                                          {"measure.verify", "-5"},
                                                          {"routing.sources", "0"},
                                                          {"routing.zipf_s", "-1"},
                                                          {"routing.seed", "-1"},
                                                          {"compute.threads", "-2"},
                                                          {"model.num_experts", "0"},
                                                          {"model.num_experts", ""},
                                                          {"cluster.ranks_per_node", "-1"},
                                                          {"tokens.split_sources", "yes"},
                                                          {"routing.seed", "-9223372036854775808"}})
        EXPECT_THAT(
            flag_error(path, value),
            testing::AllOf(StartsWith("--" + path), HasSubstr("is not allowed (it must be")))
            << path << " " << value;
    EXPECT_THAT(flag_error("model.nope", "1"), HasSubstr("unknown key 'model.nope'"));
}

TEST(ConfigErrors, UnknownPresetNamesNearestAndFolder) {
    auto const message = flag_error("model.preset", "mixtral-8x7");
    EXPECT_THAT(message, HasSubstr("preset 'mixtral-8x7' is unknown (nearest: mixtral-8x7b;"));
    EXPECT_THAT(message, HasSubstr("configs/models"));
    EXPECT_THAT(flag_error("model.preset", "../quickstart"), HasSubstr("is unknown"));
    EXPECT_THAT(error_of([] { PresetFolder("/nowhere").find("dbrx"); }),
                HasSubstr("there are no presets in /nowhere"));
}

TEST(ConfigErrors, PresetsMayOnlyDescribeTheShape) {
    EXPECT_THAT(error_of([] {
                    preset_shape({"p.toml", "[tokens]\nsteps = 1\n"});
                }),
                HasSubstr("p.toml:2:1: tokens.steps may not stand in a preset"));
    EXPECT_THAT(error_of([] {
                    preset_shape({"p.toml", "[model]\nscale = 2\n"});
                }),
                HasSubstr("may not stand in a preset"));
}

TEST(ConfigErrors, KeysThatDoNotGoTogether) {
    EXPECT_EQ(flag_error("model.top_k", "9"),
              "top_k = 9 exceeds num_experts = 8 (each token needs distinct experts). "
              "Lower model.top_k");
    EXPECT_THAT(flag_error("model.scale", "0.3"), HasSubstr("makes hidden = 307.2 of 1024"));
    EXPECT_THAT(flag_error("model.scale", "1e-9"), HasSubstr("model.scale"));
    EXPECT_THAT(flag_error("model.scale", "1e200"), HasSubstr("model.scale"));
    EXPECT_THAT(file_error("[routing]\ntrace = \"t\"\ngenerator = \"zipf\"\n"),
                HasSubstr("routing.trace (file /folder/run.toml:2) and routing.generator (file "
                          "/folder/run.toml:3) are both set"));
    EXPECT_THAT(flag_error("routing.generator", "none"),
                HasSubstr("neither routing.trace, routing.generator nor routing.gate is set"));
    EXPECT_THAT(flag_error("tokens.per_rank", "5"), HasSubstr("tokens.per_rank = 5"));
    EXPECT_THAT(flag_error("tokens.per_step", "0"), HasSubstr("tokens.per_step = 0"));
    EXPECT_THAT(file_error("[routing]\ntrace = \"t\"\n[tokens]\nper_rank = 1\n"),
                HasSubstr("does not go with routing.trace"));
}

TEST(ConfigErrors, TokensAreSplitForOnePipeline) {
    EXPECT_THAT(error_of([] {
                    resolve_text(routed, {{"exchange.chunks", "3"}, {"step.micro_batches", "2"}});
                }),
                HasSubstr("exchange.chunks = 3 and step.micro_batches = 2 are both set"));
    EXPECT_THAT(flag_error("exchange.progress_thread", "on"), HasSubstr("nothing overlaps"));
    EXPECT_THAT(flag_error("exchange.chunks", "0"), HasSubstr("from 1 to 1024"));
    EXPECT_THAT(flag_error("step.micro_batches", "3"), HasSubstr("from 1 to 2"));
}

TEST(ConfigErrors, BrokenTomlNamesThePlace) {
    EXPECT_THAT(file_error("[model]\ntop_k = = 3\n"),
                testing::AllOf(StartsWith("/folder/run.toml:2:"), HasSubstr("this is no TOML")));
    EXPECT_THAT(file_error("[model\n"), StartsWith("/folder/run.toml:1:"));
    EXPECT_THAT(file_error("[model]\ntop_k = 1\ntop_k = 2\n"), StartsWith("/folder/run.toml:3:"));
    EXPECT_THAT(file_error("\xff\xfe"), HasSubstr("this is no TOML"));
    EXPECT_THAT(file_error("[model]\ntop_k = 99999999999999999999\n"), HasSubstr(":2:"));
    EXPECT_THAT(file_error("x = " + std::string(100'000, '[')), HasSubstr("this is no TOML"));
}

TEST(ConfigErrors, UnreadableFiles) {
    EXPECT_THAT(error_of([] { read_text_file("/nowhere/x.toml"); }),
                HasSubstr("cannot read '/nowhere/x.toml' (No such file or directory)"));
    EXPECT_THAT(error_of([] { read_text_file("/"); }), HasSubstr("cannot read '/'"));
    EXPECT_THAT(error_of([] { read_text_file("/dev/zero"); }), HasSubstr("over 1 MiB"));
}

}  // namespace
}  // namespace epsim
