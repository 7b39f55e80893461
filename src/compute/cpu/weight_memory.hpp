#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace epsim::cpu {

/// Memory for weights, which small row counts stream through the core: on huge pages where the
/// system lends them, since a stream of small pages waits for address translation. Aligned to 64
/// bytes at least; not cleared.
class WeightMemory {
public:
    explicit WeightMemory(int64_t bytes);
    std::byte* data() const noexcept { return memory_.get(); }
    int64_t bytes() const noexcept { return bytes_; }

private:
    struct Free {
        std::size_t alignment;
        void operator()(std::byte* p) const noexcept;
    };
    int64_t bytes_;
    std::unique_ptr<std::byte[], Free> memory_;
};

}  // namespace epsim::cpu
