#include "store/result_file.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <bit>
#include <csignal>
#include <random>

#include "core/error.hpp"
#include "core/sha256.hpp"
#include "store/conservation.hpp"
#include "store/random_record.hpp"
#include "store/result_schema.hpp"
#include "support/error_text.hpp"
#include "support/file_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Bitwise, so that NaN equals NaN.
template <class Container>
std::vector<uint64_t> bits_of(Container const& values) {
    std::vector<uint64_t> bits;
    for (auto const& value : values) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, double>)
            bits.push_back(std::bit_cast<uint64_t>(value));
        else
            bits.push_back(static_cast<uint64_t>(value));
    }
    return bits;
}
template <class T, std::size_t N>
auto bits_of(Array<T, N> const& array) {
    return bits_of(array.flat());
}

void expect_equal(std::vector<SummaryRow> const& found, std::vector<SummaryRow> const& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t row = 0; row < found.size(); ++row) {
        auto const &f = found[row], &e = expected[row];
        EXPECT_EQ(std::tie(f.metric, f.unit, f.n, f.description),
                  std::tie(e.metric, e.unit, e.n, e.description));
        EXPECT_EQ(bits_of(std::vector{f.value, f.ci_low, f.ci_high}),
                  bits_of(std::vector{e.value, e.ci_low, e.ci_high}));
    }
}

void expect_equal(RunRecord const& found, RunRecord const& expected) {
    EXPECT_EQ(found.run_uuid, expected.run_uuid);
    EXPECT_EQ(found.date, expected.date);
    EXPECT_EQ(found.software_version, expected.software_version);
    EXPECT_EQ(found.git_sha, expected.git_sha);
    EXPECT_EQ(found.git_dirty, expected.git_dirty);
    EXPECT_EQ(found.status, expected.status);
    EXPECT_EQ(found.kind, expected.kind);
    EXPECT_EQ(found.tags, expected.tags);
    EXPECT_EQ(found.config, expected.config);
    EXPECT_EQ(found.provenance, expected.provenance);
    EXPECT_EQ(found.topology, expected.topology);
    EXPECT_EQ(found.step, expected.step);
    EXPECT_EQ(found.layer, expected.layer);
    EXPECT_EQ(found.link_class, expected.link_class);
    std::vector<std::pair<hdf5::Extents, std::vector<uint64_t>>> arrays;
    for_each_array(expected, [&](ArrayPlace const&, auto const& array) {
        arrays.emplace_back(extents_of(array), bits_of(array));
    });
    std::size_t i = 0;
    for_each_array(found, [&](ArrayPlace const& place, auto const& array) {
        EXPECT_EQ(extents_of(array), arrays[i].first) << place.name;
        EXPECT_EQ(bits_of(array), arrays[i].second) << place.name;
        ++i;
    });
    EXPECT_EQ(found.events, expected.events);
    EXPECT_EQ(found.top_k, expected.top_k);
    EXPECT_EQ(found.dispatch_row_bytes, expected.dispatch_row_bytes);
    EXPECT_EQ(found.combine_row_bytes, expected.combine_row_bytes);
    EXPECT_EQ(found.hops, expected.hops);
    EXPECT_EQ(found.capacity, expected.capacity);
    EXPECT_EQ(found.algorithm, expected.algorithm);
    EXPECT_EQ(found.step_algorithm, expected.step_algorithm);
    EXPECT_EQ(found.flops_per_assignment, expected.flops_per_assignment);
    EXPECT_EQ(found.local_flops_per_token, expected.local_flops_per_token);
    EXPECT_EQ(found.checked, expected.checked);
    EXPECT_EQ(found.identities, expected.identities);
    EXPECT_EQ(found.wrong, expected.wrong);
    EXPECT_EQ(found.max_error, expected.max_error);
    EXPECT_EQ(found.dispatch_error, expected.dispatch_error);
    EXPECT_EQ(found.combine_error, expected.combine_error);
    EXPECT_EQ(found.size, expected.size);
    EXPECT_EQ(found.resource, expected.resource);
    expect_equal(found.summary, expected.summary);
    expect_equal(found.ceilings, expected.ceilings);
}

TEST(ResultFile, GivesBackWhatWasWritten) {
    TemporaryDirectory const directory;
    std::mt19937 rng(1);
    auto const pick = [&](int64_t end) {
        return static_cast<int64_t>(rng() % static_cast<unsigned>(end));
    };
    for (unsigned seed = 0; seed < 40; ++seed) {
        RecordSizes n{pick(4),  1 + pick(3), 1 + pick(3), 1 + pick(7), 1 + pick(9),
                      pick(30), 1 + pick(3), pick(3),     0,           pick(4)};
        n.events = n.iterations > 0 ? pick(5) : 0;
        auto const record = random_record(seed, n);
        write_result(record, directory / "r.h5");
        expect_equal(read_result(directory / "r.h5"), record);
        EXPECT_EQ(stated_config_sha256(directory / "r.h5"), sha256_hex(record.config));
    }
}

TEST(ResultFile, LargeArraysAreDeflatedAndEqual) {
    TemporaryDirectory const directory;
    RecordSizes const n{.iterations = 40, .steps = 3, .layers = 26, .ranks = 16, .experts = 256};
    auto record = random_record(5, n);
    record.events.assign(50000, {1, 2, 3, 4, 5, 1, 0.5, 1.5});
    write_result(record, directory / "r.h5");
    expect_equal(read_result(directory / "r.h5"), record);
    EXPECT_LT(fs::file_size(directory / "r.h5"), record.expert_tokens.flat().size_bytes() * 2 +
                                                     record.time_start.flat().size_bytes() * 2 +
                                                     record.selected.flat().size_bytes() * 5);
}

TEST(ResultFile, RefusesArraysThatDisagree) {
    TemporaryDirectory const directory;
    auto record = random_record(1);
    record.dropped = Array<int64_t, 3>({2, 2, 4});
    EXPECT_THAT(error_of<Error>([&] { write_result(record, directory / "r.h5"); }),
                HasSubstr("load/dropped has shape [2, 2, 4], its axes [2, 2, 5]"));
    EXPECT_TRUE(fs::is_empty(directory.path()));
}

TEST(ResultFile, TruncatedAnywhereIsAnInputError) {
    TemporaryDirectory const directory;
    write_result(random_record(1), directory / "r.h5");
    auto const whole = read_bytes(directory / "r.h5");
    std::mt19937 rng(2);
    for (int trial = 0; trial < 100; ++trial) {
        write_bytes(directory / "cut.h5", whole.substr(0, rng() % whole.size()));
        EXPECT_THAT(error_of<InputError>([&] { read_result(directory / "cut.h5"); }),
                    HasSubstr("cut.h5: "));
    }
}

TEST(ResultFile, HostileBytesNeverCrash) {
    TemporaryDirectory const directory;
    write_result(random_record(1), directory / "r.h5");
    auto const whole = read_bytes(directory / "r.h5");
    std::mt19937 rng(3);
    int refused = 0;
    for (int trial = 0; trial < 150; ++trial) {
        auto bytes = whole;
        for (auto flips = 1 + rng() % 8; flips > 0; --flips)
            bytes[rng() % bytes.size()] = static_cast<char>(rng());
        write_bytes(directory / "bad.h5", bytes);
        try {
            auto const record = read_result(directory / "bad.h5");
            check_conservation(record);
        } catch (InputError const&) {
            ++refused;
        }
    }
    EXPECT_GT(refused, 0);
}

TEST(ResultFile, IndicesOutOfRangeAreInputErrors) {
    TemporaryDirectory const directory;
    auto const error = [&](auto&& spoil) {
        auto record = random_record(1);
        spoil(record);
        write_result(record, directory / "r.h5");
        return error_of<InputError>([&] { read_result(directory / "r.h5"); });
    };
    EXPECT_THAT(error([](RunRecord& r) { r.step_of[1] = 2; }),
                HasSubstr("/time/step_of has 2 (0 to 1 are possible)"));
    EXPECT_THAT(error([](RunRecord& r) { r.slot_rank[0] = -1; }),
                HasSubstr("/placement/slot_rank has -1"));
    EXPECT_THAT(error([](RunRecord& r) { r.slot_expert(0, 1, 1) = 5; }),
                HasSubstr("/placement/slot_expert has 5 (-1 to 4 are possible)"));
    EXPECT_THAT(error([](RunRecord& r) { r.events[0].rank = 3; }),
                HasSubstr("/events: rank has 3"));
    EXPECT_THAT(error([](RunRecord& r) { r.status = "done"; }),
                HasSubstr("status = 'done' (known: "));
}

TEST(ResultFile, AFullDiskLeavesNothingAndTheProgramEnds) {
    TemporaryDirectory const directory;
    auto const write_without_room = [&] {
        rlimit const small{20000, 20000};
        setrlimit(RLIMIT_FSIZE, &small);
        std::signal(SIGXFSZ, SIG_IGN);
        auto const what =
            error_of<Error>([&] { write_result(random_record(1), directory / "r.h5"); });
        std::fprintf(stderr, "%s; %d\n", what.c_str(), fs::is_empty(directory.path()));
        std::exit(0);
    };
    EXPECT_EXIT(write_without_room(), testing::ExitedWithCode(0), "cannot write .*r.h5 .*; 1");
}

}  // namespace
}  // namespace epsim
