#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "core/error.hpp"
#include "schedule/traffic_matrix.hpp"
#include "schedule/traffic_scale.hpp"
#include "support/temporary_directory.hpp"

namespace epsim::test {
namespace {

int64_t sent(Array<int64_t, 2> const& rows, int64_t rank) {
    int64_t sum = 0;
    for (int64_t to = 0; to < rows.extent(1); ++to) sum += rows(rank, to);
    return sum;
}

int64_t received(Array<int64_t, 2> const& rows, int64_t rank) {
    int64_t sum = 0;
    for (int64_t from = 0; from < rows.extent(0); ++from) sum += rows(from, rank);
    return sum;
}

TEST(TrafficScale, UniformIsExactAtEverySizeAndNumberOfRanks) {
    for (int const ranks : {1, 2, 3, 4, 7, 16})
        for (int64_t const bytes : {0, 1, 2, 7, 101, 4096, 7919, (1 << 20) + 1})
            for (int64_t const row : {1, 3, 64}) {
                auto const rows = scaled_rows(uniform_traffic(ranks), bytes, row);
                for (int64_t r = 0; r < ranks; ++r) {
                    EXPECT_EQ(sent(rows, r), bytes / row) << ranks << " " << bytes << " " << row;
                    EXPECT_EQ(received(rows, r), bytes / row) << ranks << " " << bytes;
                    for (int64_t to = 0; to < ranks; ++to)
                        EXPECT_LE(std::abs(static_cast<double>(rows(r, to)) -
                                           static_cast<double>(bytes / row) / ranks),
                                  1);
                }
            }
}

TEST(TrafficScale, AnyMatrixKeepsItsProportions) {
    std::mt19937 random(std::random_device{}());
    for (int trial = 0; trial < 200; ++trial) {
        auto const ranks = static_cast<int64_t>(1 + random() % 9);
        TrafficMatrix weights({ranks, ranks});
        for (auto& w : weights.flat())
            w = random() % 3 ? std::exponential_distribution(1e-3)(random) : 0;
        weights(0, ranks - 1) += 1;
        int64_t const row = 1 + random() % 100, bytes = random() % 1'000'000;
        auto const rows = scaled_rows(weights, bytes, row);
        double const scale = static_cast<double>(bytes / row) / heaviest(weights);
        for (int64_t from = 0; from < ranks; ++from) {
            double sum = 0;
            for (int64_t to = 0; to < ranks; ++to) {
                sum += weights(from, to);
                EXPECT_NEAR(static_cast<double>(rows(from, to)), weights(from, to) * scale, 1.001);
                EXPECT_TRUE(weights(from, to) > 0 || rows(from, to) == 0);
            }
            EXPECT_NEAR(static_cast<double>(sent(rows, from)), sum * scale, 0.501);
        }
    }
}

TEST(TrafficScale, WholeNumbersOfBytesStayWhatTheyAre) {
    std::mt19937 random(std::random_device{}());
    TrafficMatrix bytes({5, 5});
    for (auto& b : bytes.flat()) b = random() % 4 ? random() % 100'000 : 0;
    auto const rows = scaled_rows(bytes, static_cast<int64_t>(heaviest(bytes)), 1);
    for (std::size_t i = 0; i < 25; ++i)
        EXPECT_EQ(static_cast<double>(rows.flat()[i]), bytes.flat()[i]);
}

TEST(TrafficScale, HeaviestIsOfEitherSide) {
    TrafficMatrix one_receives({3, 3}), one_sends({3, 3});
    for (int64_t r = 0; r < 3; ++r) one_receives(r, 1) = one_sends(1, r) = 5;
    EXPECT_EQ(heaviest(one_receives), 15);
    EXPECT_EQ(heaviest(one_sends), 15);
}

TEST(SweepSizes, RunFromBeginToEnd) {
    using Sizes = std::vector<int64_t>;
    EXPECT_EQ(sweep_sizes(8, 64, 2), (Sizes{8, 16, 32, 64}));
    EXPECT_EQ(sweep_sizes(8, 63, 2), (Sizes{8, 16, 32}));
    EXPECT_EQ(sweep_sizes(7, 700, 10), (Sizes{7, 70, 700}));
    EXPECT_EQ(sweep_sizes(0, 4, 2), (Sizes{0, 1, 2, 4}));
    EXPECT_EQ(sweep_sizes(0, 0, 2), (Sizes{0}));
    EXPECT_EQ(sweep_sizes(5, 5, 1), (Sizes{5}));
    EXPECT_EQ(sweep_sizes(0, 1, 2), (Sizes{0, 1}));
    EXPECT_EQ(sweep_sizes(int64_t{1} << 40, int64_t{1} << 40, 1 << 30).size(), 1u);
    EXPECT_THROW(sweep_sizes(9, 8, 2), InputError);
    EXPECT_THROW(sweep_sizes(8, 16, 1), InputError);
}

class TrafficFile : public testing::Test {
protected:
    std::filesystem::path csv(std::string const& text) const {
        return directory_.write("traffic.csv", text);
    }
    void refused(std::string const& text, int ranks, std::string const& says) const {
        try {
            read_traffic(csv(text), ranks);
            ADD_FAILURE() << "accepted: " << text;
        } catch (InputError const& e) {
            EXPECT_NE(std::string(e.what()).find(says), std::string::npos) << e.what();
        }
    }

private:
    TemporaryDirectory directory_;
};

TEST_F(TrafficFile, CsvTakesBlanksCommentsAndAnyNumbers) {
    auto const matrix = read_traffic(csv("# bytes\n 1, 2.5 ,1e3\r\n\n0,0,0\n4,5,6"), 3);
    EXPECT_EQ(std::vector(matrix.flat().begin(), matrix.flat().end()),
              (std::vector<double>{1, 2.5, 1000, 0, 0, 0, 4, 5, 6}));
}

TEST_F(TrafficFile, WhatIsNoMatrixOfTheRanksIsRefused) {
    refused("1,2\n3,4", 3, "it is 2 x 2");
    refused("1,2,3\n4,5,6", 2, "it is 2 x 3");
    refused("1,2\n3", 2, "line 2 has 1 numbers");
    refused("1,2\n3,-4", 2, "rank 1 to 1 is -4");
    refused("1,nan\n3,4", 2, "rank 0 to 1 is nan");
    refused("1,inf\n3,4", 2, "rank 0 to 1 is inf");
    refused("1,\n3,4", 2, "line 1 has ''");
    refused("1,2\n3,4x", 2, "line 2 has '4x'");
    refused("0,0\n0,0", 2, "every number is 0");
    refused("", 2, "it is 0 x 0");
    EXPECT_THROW(read_traffic("/nowhere/at/all.csv", 2), InputError);
    EXPECT_THROW(read_traffic("/nowhere/at/all.npy", 2), InputError);
    EXPECT_THROW(read_traffic("matrix.txt", 2), InputError);
}

TEST(WholeRows, RoundUpAndLeaveOutWhatComesTwice) {
    using Sizes = std::vector<int64_t>;
    EXPECT_EQ(whole_rows({0, 1, 4, 5, 6, 11}, 5), (Sizes{0, 5, 10, 15}));
    EXPECT_EQ(whole_rows({7, 8}, 1), (Sizes{7, 8}));
    EXPECT_EQ(whole_rows({8, 16, 4096, 8192}, 4096), (Sizes{4096, 8192}));
}

}  // namespace
}  // namespace epsim::test
