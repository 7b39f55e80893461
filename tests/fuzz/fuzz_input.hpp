#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "core/error.hpp"

/// A fuzz target: gives the bytes to a reader. Anything but a return is a failure.
extern "C" int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size);

namespace epsim::fuzz {

inline std::string_view text_of(uint8_t const* data, std::size_t size) {
    return {reinterpret_cast<char const*>(data), size};
}

/// The n pieces of an input between separators `%%%%`; what is not there is empty, the last one
/// takes the rest.
std::vector<std::string_view> parts(std::string_view input, std::size_t n);

/// A file of this name, in a directory of its own, whose bytes change from input to input.
class InputFile {
public:
    explicit InputFile(std::string_view name);
    /// Replace the file's bytes. Returns its path.
    std::filesystem::path const& with(std::string_view bytes);

private:
    std::filesystem::path path_;
    int memory_;  // the file is a link to memory: it costs no disk
};

/// Whether the reader accepts the input: it may refuse it by an InputError, and nothing else.
template <class Work>
bool accepts(Work&& work) {
    try {
        work();
    } catch (InputError const&) {
        return false;
    }
    return true;
}

/// Stops the program unless it holds.
void require(bool holds, char const* what);

}  // namespace epsim::fuzz
