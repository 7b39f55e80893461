#include "fuzz/fuzz_input.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "support/temporary_directory.hpp"

namespace epsim::fuzz {

std::vector<std::string_view> parts(std::string_view input, std::size_t n) {
    constexpr std::string_view separator = "%%%%";
    std::vector<std::string_view> pieces(n);
    for (std::size_t i = 0; i < n; ++i) {
        auto const end = i + 1 == n ? input.npos : input.find(separator);
        pieces[i] = input.substr(0, end);
        input = end == input.npos ? std::string_view() : input.substr(end + separator.size());
    }
    return pieces;
}

InputFile::InputFile(std::string_view name) : memory_(memfd_create("fuzz", MFD_CLOEXEC)) {
    static TemporaryDirectory const directory;
    require(memory_ >= 0, "a file in memory can be made");
    path_ = directory / std::string(name);
    std::filesystem::create_symlink(fmt::format("/proc/self/fd/{}", memory_), path_);
}

std::filesystem::path const& InputFile::with(std::string_view bytes) {
    require(ftruncate(memory_, 0) == 0 &&
                pwrite(memory_, bytes.data(), bytes.size(), 0) == std::ssize(bytes),
            "the input can be written");
    return path_;
}

void require(bool holds, char const* what) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

}  // namespace epsim::fuzz
