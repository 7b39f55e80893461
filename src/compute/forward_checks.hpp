#pragma once

#include "compute/expert_kernel.hpp"

namespace epsim {

/// \throws Error unless in and out are what forward() of a kernel with this many slots takes. Looks
///         at sizes only.
void check_forward(FeedForwardSpec const& spec, std::size_t slots, GroupedRows const& in,
                   BufferView out);

/// The rows that a slot serves.
inline std::span<int32_t const> entries_of(GroupedRows const& in, std::size_t slot) {
    auto const first = static_cast<std::size_t>(in.slot_offset[slot]);
    return in.row_index.subspan(first, static_cast<std::size_t>(in.slot_offset[slot + 1]) - first);
}

}  // namespace epsim
