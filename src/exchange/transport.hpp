#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "device/buffer.hpp"

#include "core/ids.hpp"

namespace epsim {

/// What moves: each has receive memory of its own.
enum class Lane { metadata, dispatch, combine };
inline constexpr std::size_t lane_count = 3;

/// The library calls under an all-to-all exchange: what differs between algorithms and between MPI
/// and one process. Every call is collective.
class Transport {
public:
    virtual ~Transport() = default;
    virtual int ranks() const = 0;

    /// receive[s] on rank r = send[r] on rank s. Both [R].
    virtual void all_to_all(std::span<int32_t const> send, std::span<int32_t> receive) = 0;

    /// Rows [send_offset[r], send_offset[r + 1]) of `send` go to rank r and arrive there, after the
    /// rows of lower ranks, at receive_offset[s]. Offsets: [R + 1] prefix sums, rows; both ends
    /// know how many rows go from one to the other.
    /// \return where row 0 lies, aligned to 64 bytes, in memory of the transport: valid until the
    ///         next call in this lane. It grows only: once warm, nothing is allocated.
    virtual std::byte* all_to_all_rows(Lane lane, std::byte const* send,
                                       std::span<int64_t const> send_offset,
                                       std::span<int64_t const> receive_offset,
                                       int64_t row_bytes) = 0;
};

/// A transport's receive memory in this process.
class ReceiveMemory {
public:
    std::byte* reserve(Lane lane, int64_t bytes) {
        return memory_[static_cast<std::size_t>(lane)].rows((bytes + 63) / 64).data;
    }

private:
    static HostBuffer lines() { return {DType::f32, 16}; }  // rows of 64 bytes
    std::array<HostBuffer, lane_count> memory_{lines(), lines(), lines()};
};

}  // namespace epsim
