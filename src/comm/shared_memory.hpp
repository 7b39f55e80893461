#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace epsim {

/// Memory of this process that other processes of its host can map: a file without a name, gone
/// with its last user however that ends, and under no limit of /dev/shm. Grows, never shrinks.
class SharedMemory {
public:
    /// \param name for /proc/<pid>/maps
    explicit SharedMemory(std::string const& name);
    ~SharedMemory();
    SharedMemory(SharedMemory&& other) noexcept;
    SharedMemory& operator=(SharedMemory&&) = delete;

    /// Hold at least `bytes`, with head room, so that a growing need settles soon. What is there
    /// stays; it may move. All of it is taken at once: later use neither fails nor faults.
    /// \throws Error naming what to do if the host has not that much at all; whether others left
    ///         enough of it is for the caller to ask: the kernel would end processes to make room
    void reserve(int64_t bytes);

    std::byte* data() const noexcept { return data_; }
    int64_t size() const noexcept { return size_; }
    int descriptor() const noexcept { return descriptor_; }

private:
    std::byte* grown(int64_t size);  // the mapping; null = errno

    int descriptor_;
    std::byte* data_ = nullptr;
    int64_t size_ = 0;
};

/// Another process's SharedMemory in this one's address space.
class PeerMemory {
public:
    PeerMemory(int64_t process, int descriptor) : process_(process), descriptor_(descriptor) {}
    ~PeerMemory();
    PeerMemory(PeerMemory&& other) noexcept;
    PeerMemory& operator=(PeerMemory&&) = delete;

    /// Its first byte, with at least `bytes` after it, which its owner must have. Maps anew, and
    /// elsewhere, only what is larger than before; its owner must then still live.
    /// \throws InputError naming what to do if it cannot be opened
    std::byte* map(int64_t bytes) {
        if (bytes > size_) map_anew(bytes);
        return data_;
    }

private:
    void map_anew(int64_t bytes);

    int64_t process_;
    int descriptor_;
    std::byte* data_ = nullptr;
    int64_t size_ = 0;
};

}  // namespace epsim
