#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

#include "core/error.hpp"
#include "support/error_text.hpp"
#include "support/temporary_directory.hpp"
#include "trace/esft_source.hpp"
#include "trace/npy_source.hpp"

namespace epsim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class T>
std::string npy(std::string const& type, std::string const& shape, std::vector<T> const& values) {
    std::string const header =
        "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
    return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size()) + '\0' + header +
           std::string(reinterpret_cast<char const*>(values.data()), values.size() * sizeof(T));
}

std::vector<int> numbers(RoutingBatch const& batch) {
    std::vector<int> result;
    for (auto const e : batch.expert) result.push_back(index(e));
    return result;
}

class Import : public ::testing::Test {
protected:
    /// 2 layers, 3 tokens, top 2 of 4 experts.
    NpyImport small() {
        NpyImport files;
        files.ids = directory_.write(
            "ids.npy", npy<int16_t>("<i2", "(2, 3, 2)", {0, 1, 2, 3, 1, -1, 3, 2, 1, 0, 2, 1}));
        files.weights = directory_.write(
            "w.npy",
            npy<uint16_t>("<u2", "(2, 3, 2)", {5000, 416, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10000}));
        files.weight_scale = 1e-4;
        files.num_experts = 4;
        return files;
    }
    std::string complaint(NpyImport const& files) {
        return error_of<InputError>([&] {
            NpySource const source(files, {});
            for (int l = 0; l < static_cast<int>(source.info().layer.size()); ++l)
                source.read(StepId{0}, LayerId{l}, {0, source.info().tokens()});
        });
    }
    std::string complaint(std::string const& esft, int top_k = 2, int experts = 4) {
        return error_of<InputError>([&] {
            EsftSource const source({directory_.write("expert_weights_1.txt", esft)}, experts,
                                    top_k, {});
            source.read(StepId{0}, LayerId{0}, {0, source.info().tokens()});
        });
    }
    TemporaryDirectory directory_;
};

TEST_F(Import, NpyIdsOf64Bits) {
    auto files = small();
    files.ids = directory_.write(
        "u8.npy", npy<uint64_t>("<u8", "(2, 3, 2)", {0, 1, 2, 3, 1, 0, 3, 2, 1, 0, 2, 1}));
    EXPECT_THAT(numbers(NpySource(files, {}).read(StepId{0}, LayerId{0}, {1, 3})),
                ElementsAre(2, 3, 1, 0));
    for (auto const id : {uint64_t{4}, uint64_t{1} << 32, UINT64_MAX}) {
        files.ids = directory_.write(
            "u8.npy", npy<uint64_t>("<u8", "(2, 3, 2)", {0, 1, 2, 3, 1, id, 3, 2, 1, 0, 2, 1}));
        EXPECT_THAT(complaint(files), HasSubstr("is out of range [0, 4) (layer 0, token 2)"));
    }
}

TEST_F(Import, WeightsBeyondReasonAreRefused) {
    auto files = small();
    files.weight_scale = 9e25;
    EXPECT_EQ(complaint(files), "no error");
    files.weight_scale = 3e26;  // x 5000
    EXPECT_THAT(complaint(files), HasSubstr("is beyond 1e+30 (layer 0, token 0)"));
}

TEST_F(Import, NpyIdsWeightsAndSequences) {
    auto files = small();
    files.seqlen = directory_.write("s.npy", npy<int32_t>("<i4", "(2,)", {1, 2}));
    files.first_layer = 1;
    NpySource const source(files, {.producer = "p", .source = "s", .model = "m"});
    auto const& info = source.info();
    EXPECT_EQ(info.num_experts, 4);
    EXPECT_EQ(info.top_k, 2);
    EXPECT_EQ(info.origin, "recorded");
    EXPECT_EQ(info.producer + info.source + info.model, "psm");
    EXPECT_THAT(info.layer, ElementsAre(1, 2));
    EXPECT_THAT(info.step_offset, ElementsAre(0, 3));
    EXPECT_THAT(info.sequence_offset, ElementsAre(0, 1, 3));
    EXPECT_TRUE(info.has_weights);
    auto const batch = source.read(StepId{0}, LayerId{0}, {0, 3});
    EXPECT_THAT(numbers(batch), ElementsAre(0, 1, 2, 3, 1, -1));
    EXPECT_EQ(batch.weight[0], 0.5f);
    EXPECT_EQ(batch.weight[1], 0.0416f);
    EXPECT_THAT(numbers(source.read(StepId{0}, LayerId{1}, {1, 2})), ElementsAre(1, 0));
}

TEST_F(Import, NpyOfOneLayerWithoutWeights) {
    NpyImport files;
    files.ids = directory_.write("ids.npy", npy<int64_t>("<i8", "(2, 2)", {0, 1, 3, 2}));
    files.num_experts = 4;
    NpySource const source(files, {});
    EXPECT_FALSE(source.info().has_weights);
    EXPECT_THAT(source.info().layer, ElementsAre(0));
    EXPECT_THAT(source.read(StepId{0}, LayerId{0}, {0, 1}).weight, ElementsAre(0.5f, 0.5f));
}

TEST_F(Import, NpySaysWhatIsWrong) {
    EXPECT_EQ(complaint(small()), "no error");
    auto files = small();
    files.num_experts = 3;
    EXPECT_THAT(complaint(files), HasSubstr("expert 3 is out of range [0, 3) (layer 0, token 1)"));
    files.num_experts = 1;
    EXPECT_THAT(complaint(files), HasSubstr("top_k = 2 exceeds num_experts = 1"));
    files.num_experts = 0;
    EXPECT_THAT(complaint(files), HasSubstr("num_experts = 0"));
    files = small();
    files.weight_scale.reset();
    EXPECT_THAT(complaint(files), HasSubstr("--weight-scale"));
    files.weight_scale = HUGE_VAL;
    EXPECT_THAT(complaint(files), HasSubstr("finite"));
    files = small();
    files.weights = directory_.write("w2.npy", npy<float>("<f4", "(2, 2)", {1, 2, 3, 4}));
    EXPECT_THAT(complaint(files), HasSubstr("They must agree"));
    files = small();
    files.layers = {1};
    EXPECT_THAT(complaint(files), HasSubstr("1 layer numbers do not fit the 2 layers"));
    files.layers = {1, 1};
    EXPECT_THAT(complaint(files), HasSubstr("not distinct"));
    files.layers = {-1, 1};
    EXPECT_THAT(complaint(files), HasSubstr("negative"));
    files.layers.clear();
    files.first_layer = INT32_MAX;
    EXPECT_THAT(complaint(files), HasSubstr("layer numbers"));

    auto const with_ids = [&](std::string const& bytes) {
        NpyImport ids;
        ids.ids = directory_.write("bad.npy", bytes);
        ids.num_experts = 4;
        return ids;
    };
    EXPECT_THAT(complaint(with_ids(npy<int8_t>("|i1", "(2, 2)", {0, 1, 2, 2}))),
                HasSubstr("expert 2 stands twice in a token (layer 0, token 1)"));
    EXPECT_THAT(complaint(with_ids(npy<int8_t>("|i1", "(2, 2)", {0, 1, 2, -2}))),
                HasSubstr("expert -2 is out of range"));
    EXPECT_THAT(complaint(with_ids(npy<int64_t>("<i8", "(1, 1)", {int64_t{1} << 32}))),
                HasSubstr("out of range"));
    EXPECT_THAT(complaint(with_ids(npy<int8_t>("|i1", "(4,)", {0, 1, 2, 2}))),
                HasSubstr("has shape [4]"));
    EXPECT_THAT(complaint(with_ids(npy<float>("<f4", "(1, 2)", {0, 1}))),
                HasSubstr("expert ids are integers"));
    EXPECT_THAT(complaint(with_ids(npy<int8_t>("|i1", "(1, 5)", {0, 1, 2, 3, 4}))),
                HasSubstr("top_k = 5 exceeds"));
}

TEST_F(Import, SequenceLengthsMustSumToTheTokens) {
    auto const with = [&](std::string const& bytes) {
        auto files = small();
        files.seqlen = directory_.write("s.npy", bytes);
        return complaint(files);
    };
    EXPECT_EQ(with(npy<int8_t>("|i1", "(2,)", {1, 2})), "no error");
    EXPECT_THAT(with(npy<int8_t>("|i1", "(1,)", {2})), HasSubstr("sum to 2"));
    EXPECT_THAT(with(npy<int8_t>("|i1", "(2,)", {2, 2})), HasSubstr("has 2 tokens (1 of 3"));
    EXPECT_THAT(with(npy<int8_t>("|i1", "(3,)", {2, -1, 2})), HasSubstr("has -1 tokens"));
    EXPECT_THAT(with(npy<int8_t>("|i1", "(3,)", {1, 0, 2})), HasSubstr("has 0 tokens"));
    EXPECT_THAT(with(npy<int64_t>("<i8", "(2,)", {1, INT64_MAX})),
                HasSubstr("of 3 tokens are left"));
    EXPECT_THAT(with(npy<int8_t>("|i1", "(1, 1)", {3})), HasSubstr("a row of integers"));
    EXPECT_THAT(with(npy<float>("<f4", "(1,)", {3})), HasSubstr("a row of integers"));
}

TEST_F(Import, EsftTextReadsAnyRange) {
    // Two sequences long enough for several marks of the index, and a short one.
    std::ostringstream text;
    std::vector<int> ids;
    std::vector<float> weights;
    for (int const n : {2500, 1, 1024}) {
        std::ostringstream second;
        for (int t = 0; t < n; ++t) {
            int const a = (7 * t + n) % 50, b = (a + 1 + t % 49) % 50;
            for (int const e : {a, b}) {
                ids.push_back(e);
                weights.push_back(static_cast<float>(ids.size() % 9999) / 10000);
                text << e << (t + 1 == n && e == b ? "" : "\t");
                second << weights.back() << (t + 1 == n && e == b ? "\n" : "\t");
            }
        }
        text << "\t\t" << second.str();
    }
    auto const path = directory_.write("expert_weights_12.txt", text.str());
    EsftSource const source({path}, 50, 2, {});
    EXPECT_THAT(source.info().layer, ElementsAre(12));
    EXPECT_THAT(source.info().sequence_offset, ElementsAre(0, 2500, 2501, 3525));
    for (TokenRange const range : {TokenRange{0, 3525},
                                   {0, 1},
                                   {1023, 1025},
                                   {1024, 1024},
                                   {2040, 2060},
                                   {2499, 2502},
                                   {2500, 2501},
                                   {2600, 3525}}) {
        auto const batch = source.read(StepId{0}, LayerId{0}, range);
        EXPECT_EQ(numbers(batch),
                  std::vector(ids.begin() + 2 * range.begin, ids.begin() + 2 * range.end));
        ASSERT_EQ(batch.weight.size(), batch.expert.size());
        for (std::size_t i = 0; i < batch.weight.size(); ++i)
            EXPECT_FLOAT_EQ(batch.weight[i],
                            weights[static_cast<std::size_t>(2 * range.begin) + i]);
    }
}

TEST_F(Import, EsftSaysWhatIsWrong) {
    EXPECT_EQ(complaint("0\t1\t\t0.5\t0.25"), "no error");
    EXPECT_THAT(complaint(""), HasSubstr("is empty"));
    EXPECT_THAT(complaint("0\t1\t\t0.5\t0.5\n\n"), HasSubstr("line 2"));
    EXPECT_THAT(complaint("0\t1\t0.5\t0.5\n"), HasSubstr("lacks the two tabs"));
    EXPECT_THAT(complaint("0\t1\t\t0.5\n"), HasSubstr("has 2 ids and 1 gate weights"));
    EXPECT_THAT(complaint("0\t1\t2\t\t0.5\t0.5\t0.5\n"), HasSubstr("2 a token"));
    EXPECT_THAT(complaint("0\tx\t\t0.5\t0.5\n"), HasSubstr("no number"));
    EXPECT_THAT(complaint("0\t1\t\t0.5\t0.5y\n"), HasSubstr("no number"));
    EXPECT_THAT(complaint("0\t1\t\t\t0.5\n"), HasSubstr("no number"));
    EXPECT_THAT(complaint("0\t1\t\t0.5\tnan\n"), HasSubstr("finite"));
    EXPECT_THAT(complaint("0\t4\t\t0.5\t0.5\n"), HasSubstr("expert 4 is out of range"));
    EXPECT_THAT(complaint("1\t1\t\t0.5\t0.5\n"), HasSubstr("twice"));
    EXPECT_THAT(complaint("0\t99999999999\t\t0.5\t0.5\n"), HasSubstr("no number"));
    EXPECT_THAT(complaint("0\t1\t\t0.5\t0.5\n", 0), HasSubstr("top_k = 0"));
}

TEST_F(Import, EsftLayersComeFromTheNamesAndAgree) {
    auto const open = [](std::vector<std::filesystem::path> const& paths) {
        return EsftSource(paths, 4, 1, {}).info().layer;
    };
    auto const ten = directory_.write("expert_weights_10.txt", "0\t\t1\n");
    auto const two = directory_.write("expert_weights_2.txt", "3\t\t0.5\n");
    directory_.write("README.txt", "no data");
    EXPECT_THAT(open({directory_.path()}), ElementsAre(2, 10));
    EXPECT_THAT(open({ten, two}), ElementsAre(2, 10));
    auto const fails = [&](std::vector<std::filesystem::path> const& paths) {
        return error_of<InputError>([&] { open(paths); });
    };
    EXPECT_THAT(fails({two, directory_.path()}), HasSubstr("both layer 2"));
    EXPECT_THAT(fails({directory_.path() / "README.txt"}), HasSubstr("no layer number"));
    EXPECT_THAT(fails({directory_.path() / "expert_weights_3.txt"}), HasSubstr("No such file"));
    EXPECT_THAT(fails({directory_.write("expert_weights_x.txt", "")}),
                HasSubstr("no layer number"));
    auto const three = directory_.write("expert_weights_3.txt", "1\t2\t\t1\t1\n");
    EXPECT_THAT(fails({two, three}), HasSubstr("other sequences"));
    TemporaryDirectory const empty;
    EXPECT_THAT(fails({empty.path()}), HasSubstr("nothing to import"));
}

}  // namespace
}  // namespace epsim
