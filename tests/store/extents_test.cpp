#include "store/extents.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace epsim::hdf5 {
namespace {

/// Positions in C order of the elements of a block.
std::vector<hsize_t> positions(Extents const& extents, Extents const& start, Extents const& count) {
    std::vector<hsize_t> at{0};
    for (std::size_t a = 0; a < extents.size(); ++a) {
        std::vector<hsize_t> next;
        for (auto const base : at)
            for (hsize_t i = 0; i < count[a]; ++i) next.push_back(base * extents[a] + start[a] + i);
        at = next;
    }
    return at;
}

TEST(Extents, PiecesAreTheWholeArrayInOrder) {
    std::mt19937 rng(1);
    for (int trial = 0; trial < 500; ++trial) {
        Extents extents(1 + rng() % 4);
        hsize_t size = 1;
        for (auto& n : extents) size *= n = rng() % 6;
        hsize_t const limit = 1 + rng() % 40;
        std::vector<hsize_t> seen;
        for_each_piece(extents, limit, [&](Extents const& start, Extents const& count) {
            auto const piece = positions(extents, start, count);
            EXPECT_LE(piece.size(), limit);
            seen.insert(seen.end(), piece.begin(), piece.end());
        });
        std::vector<hsize_t> expected(size);
        std::iota(expected.begin(), expected.end(), 0);
        EXPECT_EQ(seen, expected);
    }
}

TEST(Extents, PieceShapeTakesWholeInnerAxes) {
    EXPECT_EQ(piece_shape({5, 100, 8}, 80), (Extents{1, 10, 8}));
    EXPECT_EQ(piece_shape({5, 100, 8}, 1700), (Extents{2, 100, 8}));
    EXPECT_EQ(piece_shape({5, 100, 8}, 3), (Extents{1, 1, 3}));
    EXPECT_EQ(piece_shape({0, 100, 8}, 4000), (Extents{1, 100, 8}));
}

}  // namespace
}  // namespace epsim::hdf5
