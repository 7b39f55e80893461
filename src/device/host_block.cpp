#include "device/host_block.hpp"

#include <sys/mman.h>

#include <new>

namespace epsim {
namespace {
constexpr std::size_t huge_page = 2 << 20;
}

void HostBlock::Free::operator()(std::byte* p) const noexcept {
    ::operator delete[](p, std::align_val_t{alignment});
}

HostBlock::HostBlock(int64_t bytes) : bytes_(bytes) {
    auto const n = static_cast<std::size_t>(bytes);
    std::size_t const alignment = n >= huge_page ? huge_page : 64;
    memory_ = {static_cast<std::byte*>(::operator new[](n, std::align_val_t{alignment})),
               Free{alignment}};
    // Refused on systems without huge pages, where small ones do.
    if (n >= huge_page) madvise(memory_.get(), n / huge_page * huge_page, MADV_HUGEPAGE);
}

}  // namespace epsim
