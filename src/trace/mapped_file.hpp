#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace epsim {

/// A whole file, read-only, in memory as far as it is looked at.
class MappedFile {
public:
    /// \throws InputError if it is missing, not a regular file, or not readable
    explicit MappedFile(std::filesystem::path const& path);
    ~MappedFile();
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&&) = delete;

    std::span<std::byte const> bytes() const noexcept { return bytes_; }
    std::string_view text() const noexcept {
        return {reinterpret_cast<char const*>(bytes_.data()), bytes_.size()};
    }

private:
    std::span<std::byte const> bytes_;
};

}  // namespace epsim
