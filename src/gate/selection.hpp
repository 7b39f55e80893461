#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace epsim {

/// Replaces counts by their sums over all ranks, element by element; for one process on its own,
/// does nothing. Where all tokens of a group are on one rank, that suffices too.
using SumOverRanks = std::function<void(std::span<int64_t>)>;

/// Which items are among the `room` smallest keys of their group, over all ranks; the same whatever
/// the number of ranks. A radix selection: each round sums a histogram of one byte of the keys of
/// the groups that have more items than room, until a histogram's border is where the room ends.
/// Every rank must call it, with the same room and key_bits.
/// \param key   [n] below 2^key_bits, distinct within a group over all ranks
/// \param group [n] in [0, room.size()), or -1 = takes no part
/// \param room  [groups]
/// \return [n]
std::vector<bool> smallest_of_groups(std::span<uint64_t const> key, std::span<int32_t const> group,
                                     std::span<int64_t const> room, int key_bits,
                                     SumOverRanks const& sum);

/// Puts finite floats into keys that descend as they ascend: 32 bits.
uint64_t descending_key(float value);
inline constexpr int descending_key_bits = 32;

/// Bits that tell numbers below n apart.
int bits_for(int64_t n);

}  // namespace epsim
