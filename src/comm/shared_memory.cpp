#include "comm/shared_memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.hpp"

namespace epsim {
namespace {

constexpr char const* other_way = "exchange.algorithm=pairwise does without such memory";

std::string reason() {
    return std::strerror(errno);
}

/// Page tables now, not in a timed region. Kernels before Linux 5.14 do it at first use.
void populate(std::byte* data, int64_t bytes) {
    madvise(data, static_cast<std::size_t>(bytes), MADV_HUGEPAGE);
    madvise(data, static_cast<std::size_t>(bytes), MADV_POPULATE_WRITE);
}

std::byte* map_shared(int descriptor, int64_t bytes) {
    void* const data = mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE,
                            MAP_SHARED, descriptor, 0);
    return data == MAP_FAILED ? nullptr : static_cast<std::byte*>(data);
}

}  // namespace

SharedMemory::SharedMemory(std::string const& name)
    : descriptor_(memfd_create(name.c_str(), MFD_CLOEXEC)) {
    if (descriptor_ < 0)
        throw Error(fmt::format("cannot make memory that ranks of a host share ({}). {}", reason(),
                                other_way));
}

SharedMemory::~SharedMemory() {
    if (data_) munmap(data_, static_cast<std::size_t>(size_));
    if (descriptor_ >= 0) close(descriptor_);
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

std::byte* SharedMemory::grown(int64_t size) {
    if (!data_) return map_shared(descriptor_, size);
    void* const moved = mremap(data_, static_cast<std::size_t>(size_),
                               static_cast<std::size_t>(size), MREMAP_MAYMOVE);
    return moved == MAP_FAILED ? nullptr : static_cast<std::byte*>(moved);
}

void SharedMemory::reserve(int64_t bytes) {
    if (bytes <= size_) return;
    int64_t const page = sysconf(_SC_PAGESIZE);
    int64_t const size = (bytes / page + bytes / page / 4 + 1) * page;
    // The kernel would first end other processes: these pages count as nobody's.
    errno = size / page > sysconf(_SC_PHYS_PAGES) ? ENOMEM : 0;
    if (errno == 0) do
            errno = posix_fallocate(descriptor_, 0, size);
        while (errno == EINTR);
    std::byte* const data = errno == 0 ? grown(size) : nullptr;
    if (!data)
        throw Error(
            fmt::format("cannot take {} bytes of memory that ranks of a host share ({}). "
                        "Lower tokens.per_step or model.scale; {}",
                        size, reason(), other_way));
    data_ = data;
    size_ = size;
    populate(data_, size_);
}

PeerMemory::~PeerMemory() {
    if (data_) munmap(data_, static_cast<std::size_t>(size_));
}

PeerMemory::PeerMemory(PeerMemory&& other) noexcept
    : process_(other.process_),
      descriptor_(other.descriptor_),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

void PeerMemory::map_anew(int64_t bytes) {
    auto const path = fmt::format("/proc/{}/fd/{}", process_, descriptor_);
    int const file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    std::byte* const data = file < 0 ? nullptr : map_shared(file, bytes);
    if (!data) {
        auto const why = reason();
        if (file >= 0) close(file);
        throw InputError(fmt::format(
            "cannot open another rank's memory, {} ({}; the ranks of a node must run as one user "
            "and see each other's processes). Start them in one container, or use another "
            "exchange.algorithm: {}",
            path, why, other_way));
    }
    close(file);
    if (data_) munmap(data_, static_cast<std::size_t>(size_));
    data_ = data;
    size_ = bytes;
    populate(data_, size_);
}

}  // namespace epsim
