#include "layer/row_pattern.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/rng.hpp"

namespace epsim {
namespace {

constexpr std::size_t piece_bytes = 4096;

/// Bytes [at, at + piece.size()) of a block; at is a multiple of what the generator gives at once.
void make(RowPattern const& pattern, std::size_t at, std::span<std::byte> piece) {
    CounterRng const random(pattern.number, RngStream::traffic);
    auto const source = static_cast<uint32_t>(index(pattern.source));
    auto const destination = static_cast<uint32_t>(index(pattern.destination));
    for (std::size_t done = 0; done < piece.size(); done += sizeof(PhiloxCounter)) {
        auto const words = random.words(source, destination, (at + done) / sizeof(PhiloxCounter));
        std::memcpy(piece.data() + done, words.data(), std::min(sizeof words, piece.size() - done));
    }
}

}  // namespace

void RowPattern::fill(std::span<std::byte> block) const {
    make(*this, 0, block);
}

int64_t RowPattern::wrong_rows(std::span<std::byte const> block, int64_t row_bytes) const {
    std::array<std::byte, piece_bytes> expected;
    int64_t wrong = 0, last = -1;
    for (std::size_t at = 0; at < block.size(); at += piece_bytes) {
        auto const piece = block.subspan(at, std::min(piece_bytes, block.size() - at));
        make(*this, at, std::span(expected).first(piece.size()));
        if (std::memcmp(piece.data(), expected.data(), piece.size()) == 0) continue;
        for (std::size_t i = 0; i < piece.size(); ++i) {
            auto const row = static_cast<int64_t>(at + i) / row_bytes;
            if (piece[i] == expected[i] || row == last) continue;
            ++wrong;
            last = row;
        }
    }
    return wrong;
}

}  // namespace epsim
