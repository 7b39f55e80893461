#include "support/allocation_log.hpp"

#include <dlfcn.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <new>
#include <stdexcept>

#include "measure/clock.hpp"

namespace epsim::test {
namespace {

std::array<Allocation, 1 << 19> entries;
std::size_t logged = 0;
thread_local bool active = false;

void note(char const* function, void const* caller) {
    if (!active) return;
    if (logged < entries.size()) entries[logged] = {MonotonicClock().now(), caller, function};
    ++logged;
}

std::string file_of(void const* address) {
    Dl_info info{};
    if (dladdr(address, &info) == 0 || info.dli_fname == nullptr) return "generated code";
    return std::filesystem::path(info.dli_fname).filename();
}

}  // namespace

std::string owner(Allocation const& allocation) {
    auto const file = file_of(allocation.caller);
    bool const ours = file == file_of(reinterpret_cast<void const*>(&owner)) ||
                      file.starts_with("libstdc++") || file.starts_with("libfmt");
    return ours ? "epsim" : file;
}

void start_allocation_log() {
    logged = 0;
    active = true;
}

std::span<Allocation const> stop_allocation_log() {
    active = false;
    if (logged > entries.size()) throw std::runtime_error("too many allocations to log");
    return std::span(entries).first(logged);
}

}  // namespace epsim::test

// The C library's own functions, under the names by which it lets others replace them.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
}

#define EPSIM_NOTE(function) epsim::test::note(function, __builtin_return_address(0))

extern "C" {
void* malloc(std::size_t n) {
    EPSIM_NOTE("malloc");
    return __libc_malloc(n);
}
void* calloc(std::size_t n, std::size_t size) {
    EPSIM_NOTE("calloc");
    return __libc_calloc(n, size);
}
void* realloc(void* p, std::size_t n) {
    EPSIM_NOTE("realloc");
    return __libc_realloc(p, n);
}
void* memalign(std::size_t alignment, std::size_t n) {
    EPSIM_NOTE("memalign");
    return __libc_memalign(alignment, n);
}
void* aligned_alloc(std::size_t alignment, std::size_t n) {
    EPSIM_NOTE("aligned_alloc");
    return __libc_memalign(alignment, n);
}
int posix_memalign(void** p, std::size_t alignment, std::size_t n) {
    EPSIM_NOTE("posix_memalign");
    *p = __libc_memalign(alignment, n);
    return *p ? 0 : ENOMEM;
}
void free(void* p) {
    EPSIM_NOTE("free");
    __libc_free(p);
}
}

namespace {

void* or_throw(void* p) {
    if (p == nullptr) throw std::bad_alloc();
    return p;
}
std::size_t of(std::align_val_t alignment) {
    return static_cast<std::size_t>(alignment);
}

}  // namespace

// Those that are not here call one of these.
void* operator new(std::size_t n) {
    EPSIM_NOTE("new");
    return or_throw(__libc_malloc(n));
}
void* operator new[](std::size_t n) {
    EPSIM_NOTE("new[]");
    return or_throw(__libc_malloc(n));
}
void* operator new(std::size_t n, std::align_val_t alignment) {
    EPSIM_NOTE("new");
    return or_throw(__libc_memalign(of(alignment), n));
}
void* operator new[](std::size_t n, std::align_val_t alignment) {
    EPSIM_NOTE("new[]");
    return or_throw(__libc_memalign(of(alignment), n));
}
void operator delete(void* p) noexcept {
    EPSIM_NOTE("delete");
    __libc_free(p);
}
void operator delete[](void* p) noexcept {
    EPSIM_NOTE("delete[]");
    __libc_free(p);
}
void operator delete(void* p, std::size_t) noexcept {
    EPSIM_NOTE("delete");
    __libc_free(p);
}
void operator delete[](void* p, std::size_t) noexcept {
    EPSIM_NOTE("delete[]");
    __libc_free(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
    EPSIM_NOTE("delete");
    __libc_free(p);
}
void operator delete[](void* p, std::align_val_t) noexcept {
    EPSIM_NOTE("delete[]");
    __libc_free(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
    EPSIM_NOTE("delete");
    __libc_free(p);
}
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
    EPSIM_NOTE("delete[]");
    __libc_free(p);
}
