#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace epsim {

/// Host memory for what streams through a core: on huge pages where the system lends them, since a
/// stream of small pages waits for address translation. Aligned to 64 bytes at least; not cleared.
class HostBlock {
public:
    HostBlock() noexcept {}
    explicit HostBlock(int64_t bytes);
    std::byte* data() const noexcept { return memory_.get(); }
    int64_t bytes() const noexcept { return bytes_; }

private:
    struct Free {
        std::size_t alignment;
        void operator()(std::byte* p) const noexcept;
    };
    int64_t bytes_ = 0;
    std::unique_ptr<std::byte[], Free> memory_{nullptr, Free{0}};
};

}  // namespace epsim
