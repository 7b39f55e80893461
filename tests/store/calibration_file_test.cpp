#include "store/calibration_file.hpp"

#include <gmock/gmock.h>
#include <hdf5.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "cluster/ceiling_figures.hpp"
#include "core/error.hpp"
#include "store/verify.hpp"
#include "support/error_text.hpp"
#include "support/file_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace epsim {
namespace {

using testing::HasSubstr;

CalibrationRecord random_calibration(unsigned seed, int ranks, int nodes, int sizes) {
    std::mt19937 rng(seed);
    auto const number = [&] { return std::uniform_real_distribution<double>(1e-9, 1e12)(rng); };
    CalibrationRecord r;
    r.date = "2024-02-29T23:59:59Z";
    r.software_version = "0.1.0";
    r.git_sha = std::string(40, 'b');
    r.git_dirty = seed % 2 == 1;
    r.kind = seed % 2 == 1 ? "oversubscribed" : "measured";
    r.mode = seed % 3 == 1 ? "quick" : "full";
    r.provenance = {{"machine", {{"cpu_model", "\u00e9 CPU"}, {"empty", ""}}}, {"job", {}}};
    for (int i = 0; i < ranks; ++i)
        r.topology.push_back(
            {"host" + std::to_string(i), i % nodes, i / nodes, "cpu", "", "", -1, "0-3"});
    auto& c = r.calibration;
    auto const fill = [&](std::vector<Ceilings>& of, int n) {
        of.resize(static_cast<std::size_t>(n));
        for (auto& one : of)
            for (auto const& figure : ceiling_figures) one.*figure.value = number();
    };
    fill(c.rank, ranks), fill(c.rank_least, ranks);
    fill(c.node, nodes), fill(c.node_least, nodes);
    c.rank_repetitions = 16, c.node_repetitions = 0;
    for (int z = 0; z < sizes; ++z) c.size.push_back(int64_t{8} << (3 * z));
    c.link_seconds = Array<double, 3>({sizes, ranks, ranks});
    for (double& s : c.link_seconds.flat())
        s = rng() % 4 == 0 ? std::numeric_limits<double>::quiet_NaN() : number();
    return r;
}

std::vector<uint64_t> bits_of(std::vector<Ceilings> const& ceilings) {
    std::vector<uint64_t> bits;
    for (auto const& one : ceilings)
        for (auto const& figure : ceiling_figures)
            bits.push_back(std::bit_cast<uint64_t>(one.*figure.value));
    return bits;
}

void expect_equal(CalibrationRecord const& found, CalibrationRecord const& expected) {
    EXPECT_EQ(
        std::tie(found.date, found.software_version, found.git_sha, found.git_dirty, found.kind,
                 found.mode, found.provenance, found.topology),
        std::tie(expected.date, expected.software_version, expected.git_sha, expected.git_dirty,
                 expected.kind, expected.mode, expected.provenance, expected.topology));
    auto const &f = found.calibration, &e = expected.calibration;
    EXPECT_EQ(bits_of(f.rank), bits_of(e.rank));
    EXPECT_EQ(bits_of(f.node), bits_of(e.node));
    EXPECT_EQ(bits_of(f.rank_least), bits_of(e.rank_least));
    EXPECT_EQ(bits_of(f.node_least), bits_of(e.node_least));
    EXPECT_EQ(std::tie(f.rank_repetitions, f.node_repetitions, f.size),
              std::tie(e.rank_repetitions, e.node_repetitions, e.size));
    ASSERT_EQ(f.link_seconds.shape(), e.link_seconds.shape());
    for (std::size_t i = 0; i < f.link_seconds.flat().size(); ++i)
        EXPECT_EQ(std::bit_cast<uint64_t>(f.link_seconds.flat()[i]),
                  std::bit_cast<uint64_t>(e.link_seconds.flat()[i]));
}

TEST(CalibrationFile, ReadsWhatWasWritten) {
    TemporaryDirectory const folder;
    unsigned seed = 0;
    for (int const ranks : {1, 2, 5, 40})
        for (int const nodes : {1, 3}) {
            auto const record = random_calibration(++seed, ranks, nodes, ranks == 5 ? 0 : 4);
            auto const path = folder / "c.h5";
            write_calibration(record, path);
            expect_equal(read_calibration(path), record);
        }
}

TEST(CalibrationFile, IsVerified) {
    TemporaryDirectory const folder;
    write_calibration(random_calibration(1, 2, 1, 3), folder / "c.h5");
    auto const reports = verify(folder / "c.h5");
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].what, "calibration, quick, oversubscribed");
    EXPECT_TRUE(reports[0].violations.empty());
}

TEST(CalibrationFile, RefusesArraysThatDoNotFitEachOther) {
    TemporaryDirectory const folder;
    auto record = random_calibration(1, 3, 1, 2);
    record.topology.pop_back();
    EXPECT_THROW(write_calibration(record, folder / "c.h5"), Error);
    record = random_calibration(1, 3, 1, 2);
    record.calibration.size.pop_back();
    EXPECT_THROW(write_calibration(record, folder / "c.h5"), Error);
    EXPECT_FALSE(std::filesystem::exists(folder / "c.h5"));
}

/// The error of reading a record that breaks a rule which the writer does not check.
template <class Break>
std::string error_after(Break&& spoil) {
    TemporaryDirectory const folder;
    auto record = random_calibration(7, 3, 2, 3);
    spoil(record);
    write_calibration(record, folder / "c.h5");
    return error_of<InputError>([&] { read_calibration(folder / "c.h5"); });
}

TEST(CalibrationFile, RefusesValuesThatCannotBe) {
    EXPECT_THAT(error_after([](auto& r) { r.calibration.rank[2].copy = -1; }),
                HasSubstr("/ceilings/rank/copy_bandwidth has -1"));
    EXPECT_THAT(error_after([](auto& r) { r.calibration.node_least[0].flops_f32 = std::nan(""); }),
                HasSubstr("/ceilings/node_least/flops_f32 has nan"));
    EXPECT_THAT(error_after([](auto& r) { r.calibration.link_seconds(1, 0, 2) = 0; }),
                HasSubstr("/links/seconds has 0"));
    EXPECT_THAT(error_after([](auto& r) { r.calibration.link_seconds(1, 0, 2) = 1 / 0.0; }),
                HasSubstr("/links/seconds has inf"));
    EXPECT_THAT(error_after([](auto& r) {
                    r.calibration.size = {8, 64, 64};
                }),
                HasSubstr("does not ascend"));
    EXPECT_THAT(error_after([](auto& r) {
                    r.calibration.size = {0, 8, 64};
                }),
                HasSubstr("does not ascend"));
    EXPECT_THAT(error_after([](auto& r) { r.topology[1].node = 2; }),
                HasSubstr("/topology/node has 2"));
    EXPECT_THAT(error_after([](auto& r) { r.mode = "slow"; }), HasSubstr("mode"));
    EXPECT_EQ(error_after([](auto&) {}), "no error");
}

TEST(CalibrationFile, RefusesWhatIsNoCalibration) {
    TemporaryDirectory const folder;
    auto const path = folder / "c.h5";
    EXPECT_THAT(error_of<InputError>([&] { read_calibration(path); }), HasSubstr("c.h5"));
    write_calibration(random_calibration(3, 4, 2, 5), path);
    auto const whole = read_bytes(path);
    for (double const keep : {0.2, 0.6, 0.95}) {
        write_bytes(
            path,
            whole.substr(0, static_cast<std::size_t>(keep * static_cast<double>(whole.size()))));
        EXPECT_NE(error_of<InputError>([&] { read_calibration(path); }), "no error");
    }
    auto const lost = [&](char const* what) {
        write_bytes(path, whole);
        hid_t const file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
        H5Ldelete(file, what, H5P_DEFAULT);
        H5Fclose(file);
        return error_of<InputError>([&] { read_calibration(path); });
    };
    for (auto const* what : {"links", "links/seconds", "ceilings/rank", "axes/size", "topology",
                             "ceilings/node_least/read_bandwidth", "provenance", "axes"})
        EXPECT_NE(lost(what), "no error") << what;
}

}  // namespace
}  // namespace epsim
