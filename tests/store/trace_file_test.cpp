#include "store/trace_file.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <random>

#include "core/error.hpp"
#include "store/random_routing.hpp"
#include "support/error_text.hpp"
#include "support/file_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TraceInfo sorted_columns(TraceInfo info) {
    std::ranges::sort(info.columns);
    return info;
}

/// Everything that a source says, and ranges of it in random order.
void expect_equal(RoutingSource const& found, RoutingSource const& expected, std::mt19937& rng) {
    auto const& info = expected.info();
    ASSERT_EQ(sorted_columns(found.info()), sorted_columns(info));
    for (int trial = 0; trial < 30; ++trial) {
        if (info.steps() == 0) return;
        auto const step = static_cast<StepId>(rng() % static_cast<unsigned>(info.steps()));
        auto const layer = static_cast<LayerId>(rng() % info.layer.size());
        auto const n = info.tokens_of(step);
        int64_t a = std::uniform_int_distribution<int64_t>(0, n)(rng);
        int64_t b = std::uniform_int_distribution<int64_t>(0, n)(rng);
        if (trial == 0) a = 0, b = n;
        TokenRange const range{std::min(a, b), std::max(a, b)};
        EXPECT_EQ(found.read(step, layer, range), expected.read(step, layer, range));
        for (auto const column : info.columns)
            EXPECT_EQ(found.column(column, step, range), expected.column(column, step, range));
    }
}

TEST(TraceFile, GivesBackWhatWasWritten) {
    TemporaryDirectory const directory;
    std::mt19937 rng(1);
    auto const below = [&](int end) {
        return static_cast<int>(rng() % static_cast<unsigned>(end));
    };
    for (unsigned seed = 0; seed < 60; ++seed) {
        RoutingSizes sizes;
        sizes.num_experts = std::vector{1, 2, 64, 256, 257, 40000}[seed % 6];
        sizes.top_k = 1 + below(std::min(sizes.num_experts, 9));
        sizes.layers = 1 + below(3);
        sizes.step_tokens.clear();
        for (int s = below(5); s > 0; --s) sizes.step_tokens.push_back(below(3) ? below(200) : 0);
        sizes.none = below(2) ? 0.1 : 0;
        sizes.has_weights = below(2) == 1;
        sizes.has_columns = below(2) == 1;
        RandomRouting const source(seed, sizes);
        auto const path = directory / "t.h5";
        write_trace(source, path);
        TraceFile const file(path);
        expect_equal(file, source, rng);
        EXPECT_EQ(file.stated_sha256().size(), 64u);
        EXPECT_EQ(file.stated_sha256(), file.computed_sha256());
        EXPECT_FALSE(fs::exists(directory / "t.h5.tmp"));
    }
}

TEST(TraceFile, OneExpertTakesAll) {
    TemporaryDirectory const directory;
    std::mt19937 rng(1);
    RandomRouting const source(1, {.num_experts = 1, .top_k = 1, .layers = 1, .step_tokens = {1}});
    write_trace(source, directory / "t.h5");
    TraceFile const file(directory / "t.h5");
    expect_equal(file, source, rng);
    EXPECT_EQ(file.read(StepId{0}, LayerId{0}, {0, 1}).expert, std::vector{ExpertId{0}});
}

TEST(TraceFile, CopyOfAFileIsEqual) {
    TemporaryDirectory const directory;
    RandomRouting const source(3, {.step_tokens = {70000, 1}});  // over the chunk's 64 Ki tokens
    write_trace(source, directory / "a.h5");
    write_trace(TraceFile(directory / "a.h5"), directory / "b.h5");
    EXPECT_EQ(TraceFile(directory / "a.h5").stated_sha256(),
              TraceFile(directory / "b.h5").stated_sha256());
    std::mt19937 rng(1);
    expect_equal(TraceFile(directory / "b.h5", Probe::skip), source, rng);
}

TEST(TraceFile, TruncatedAnywhereIsAnInputError) {
    TemporaryDirectory const directory;
    write_trace(RandomRouting(1, {.step_tokens = {300, 200}}), directory / "t.h5");
    auto const whole = read_bytes(directory / "t.h5");
    std::mt19937 rng(2);
    for (int trial = 0; trial < 150; ++trial) {
        write_bytes(directory / "cut.h5", whole.substr(0, rng() % whole.size()));
        EXPECT_THAT(error_of<InputError>([&] { TraceFile file(directory / "cut.h5"); }),
                    HasSubstr("cut.h5: "));
    }
}

TEST(TraceFile, MissingDirectoryAndOtherFilesAreInputErrors) {
    TemporaryDirectory const directory;
    write_bytes(directory / "text", "not HDF5, but long enough to have a signature somewhere");
    write_bytes(directory / "empty", "");
    auto const error = [&](fs::path const& path) {
        return error_of<InputError>([&] { TraceFile file(path); });
    };
    EXPECT_THAT(error(directory / "missing"), HasSubstr("there is no such file"));
    EXPECT_THAT(error(directory.path()), HasSubstr("not a regular file"));
    EXPECT_THAT(error(directory / "text"), HasSubstr("not a readable HDF5 file"));
    EXPECT_THAT(error(directory / "empty"), HasSubstr("not a readable HDF5 file"));
}

/// Flipped bytes may go unnoticed here (`epsim verify` compares hashes), but they never crash us.
TEST(TraceFile, HostileBytesNeverCrash) {
    TemporaryDirectory const directory;
    write_trace(RandomRouting(1, {.step_tokens = {300, 200}}), directory / "t.h5");
    auto const whole = read_bytes(directory / "t.h5");
    std::mt19937 rng(3);
    int refused = 0;
    for (int trial = 0; trial < 150; ++trial) {
        auto bytes = whole;
        for (auto flips = 1 + rng() % 4; flips > 0; --flips)
            bytes[rng() % bytes.size()] = static_cast<char>(rng());
        write_bytes(directory / "bad.h5", bytes);
        try {
            TraceFile const file(directory / "bad.h5");
            file.computed_sha256();
        } catch (InputError const&) {
            ++refused;
        }
    }
    EXPECT_GT(refused, 0);
}

/// A source that fails in the middle.
class FailingRouting final : public RoutingSource {
public:
    TraceInfo const& info() const override { return routing_.info(); }
    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override {
        if (index(layer) == 1) throw InputError("the source fails");
        return routing_.read(step, layer, range);
    }
    std::vector<int32_t> column(TokenColumn c, StepId step, TokenRange range) const override {
        return routing_.column(c, step, range);
    }

private:
    RandomRouting routing_{1, {}};
};

TEST(WriteTrace, FailureLeavesNothing) {
    TemporaryDirectory const directory;
    EXPECT_EQ(error_of<InputError>([&] { write_trace(FailingRouting(), directory / "t.h5"); }),
              "the source fails");
    EXPECT_TRUE(fs::is_empty(directory.path()));
    EXPECT_THAT(error_of<InputError>([&] { write_trace(FailingRouting(), directory / "no/t.h5"); }),
                HasSubstr("cannot write"));
}

TEST(WriteTrace, AFullDiskLeavesNothingAndTheProgramEnds) {
    TemporaryDirectory const directory;
    auto const write_without_room = [&] {
        rlimit const small{20000, 20000};
        setrlimit(RLIMIT_FSIZE, &small);
        std::signal(SIGXFSZ, SIG_IGN);
        auto const what = error_of<Error>(
            [&] { write_trace(RandomRouting(1, {.step_tokens = {20000}}), directory / "t.h5"); });
        std::fprintf(stderr, "%s; %d\n", what.c_str(), fs::is_empty(directory.path()));
        std::exit(0);
    };
    EXPECT_EXIT(write_without_room(), testing::ExitedWithCode(0), "cannot write .*t.h5 .*; 1");
}

/// Twice the same expert, an expert that is not there, and a weight that is no number.
TEST(WriteTrace, RefusesRoutingThatCouldNotBeRead) {
    struct BadRouting final : RoutingSource {
        TraceInfo made;
        RoutingBatch batch;
        TraceInfo const& info() const override { return made; }
        RoutingBatch read(StepId, LayerId, TokenRange) const override { return batch; }
        std::vector<int32_t> column(TokenColumn, StepId, TokenRange) const override { return {}; }
    } source;
    source.made.num_experts = 300;
    source.made.top_k = 2;
    source.made.has_weights = true;
    source.made.layer = {5};
    source.made.step_offset = {0, 1};
    TemporaryDirectory const directory;
    auto const error = [&](int a, int b, float weight) {
        source.batch = {2, {ExpertId{a}, ExpertId{b}}, {weight, 0}};
        return error_of<InputError>([&] { write_trace(source, directory / "t.h5"); });
    };
    EXPECT_THAT(error(7, 7, 0), HasSubstr("layer 5, token 0: expert id 7 occurs twice"));
    EXPECT_THAT(error(7, 300, 0), HasSubstr("layer 5, token 0: expert id 300 is out of range"));
    EXPECT_THAT(error(-2, 3, 0), HasSubstr("layer 5, token 0: expert id -2 is out of range"));
    EXPECT_THAT(error(7, 8, NAN), HasSubstr("layer 5, token 0: gate weight nan is not finite"));
    EXPECT_THAT(error(7, 8, -3e38F), HasSubstr("layer 5, token 0: gate weight -3e+38 is beyond"));
    EXPECT_TRUE(fs::is_empty(directory.path()));
}

/// Two layers of constant routing that takes no memory to make.
class LongRouting final : public RoutingSource {
public:
    LongRouting() {
        info_.num_experts = 8;
        info_.top_k = 8;
        info_.has_weights = true;
        info_.layer = {0, 1};
        info_.step_offset = {0, int64_t{1} << 20};
    }
    TraceInfo const& info() const override { return info_; }
    RoutingBatch read(StepId, LayerId, TokenRange range) const override {
        RoutingBatch batch{8, {}, std::vector<float>(static_cast<std::size_t>(range.size() * 8))};
        for (int64_t i = 0; i < range.size() * 8; ++i) batch.expert.push_back(ExpertId(i % 8));
        return batch;
    }
    std::vector<int32_t> column(TokenColumn, StepId, TokenRange) const override { return {}; }

private:
    TraceInfo info_;
};

/// Peak resident memory of this process so far, or what it has now: /proc/self/status, bytes.
int64_t resident_bytes(std::string const& key) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (int64_t kib = 0; word == key + ":" && status >> kib) return kib * 1024;
    throw Error("/proc/self/status has no " + key);
}

TEST(TraceFile, MemoryDoesNotGrowWithTheFile) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "AddressSanitizer keeps freed memory, so that resident memory says nothing";
#endif
    TemporaryDirectory const directory;
    auto const path = directory / "t.h5";
    constexpr int64_t array_bytes = (int64_t{2} << 20) * 8 * (1 + 4);  // ids and weights: 80 MiB
    auto const write_and_read = [&] {
        auto const before = resident_bytes("VmRSS");
        write_trace(LongRouting(), path);
        TraceFile const file(path);
        int64_t expert_sum = 0;
        for (int64_t t = 0; t < file.info().tokens(); t += 1000)
            for (int32_t l = 0; l < 2; ++l)
                for (auto const e :
                     file.read(StepId{0}, LayerId{l}, {t, std::min(t + 1000, file.info().tokens())})
                         .expert)
                    expert_sum += index(e);
        bool const all = expert_sum == 2 * file.info().tokens() * 28;
        file.computed_sha256();
        std::exit(all && resident_bytes("VmHWM") - before < array_bytes / 2 ? 0 : 1);
    };
    EXPECT_EXIT(write_and_read(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace epsim
