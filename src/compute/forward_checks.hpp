#pragma once

#include "compute/expert_kernel.hpp"

namespace epsim {

/// \throws Error unless in and out are what forward() of a kernel with this many slots takes, on
///         its device. Looks at sizes only.
void check_forward(FeedForwardSpec const& spec, std::size_t slots, GroupedRows const& in,
                   BufferView out, DeviceKind device = DeviceKind::cpu);

/// What a slot serves: entry i reads row[i] and writes result[i].
struct Entries {
    std::span<int32_t const> row, result;

    std::size_t size() const noexcept { return row.size(); }
    Entries first(std::size_t n) const { return {row.first(n), result.first(n)}; }
    Entries from(std::size_t n) const { return {row.subspan(n), result.subspan(n)}; }
};

inline Entries entries_of(GroupedRows const& in, std::size_t slot) {
    auto const first = static_cast<std::size_t>(in.slot_offset[slot]);
    auto const n = static_cast<std::size_t>(in.slot_offset[slot + 1]) - first;
    return {in.row_index.subspan(first, n), in.result_index.subspan(first, n)};
}

}  // namespace epsim
