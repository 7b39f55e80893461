#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace epsim {

/// Memory that the process's GPU reaches: its own, or the host's with pages locked, from and to
/// which it copies while others work. Aligned to 256 bytes; not cleared.
class GpuBlock {
public:
    enum class Place { device, host };

    GpuBlock() noexcept {}
    GpuBlock(Place place, int64_t bytes);
    std::byte* data() const noexcept { return memory_.get(); }
    void clear(int64_t bytes);

private:
    struct Free {
        Place place;
        void operator()(std::byte* p) const noexcept;
    };
    std::unique_ptr<std::byte[], Free> memory_{nullptr, Free{Place::device}};
};

}  // namespace epsim
