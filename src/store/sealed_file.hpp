#pragma once

#include <filesystem>
#include <string>

namespace epsim {

/// A file that gets its name only when it is whole and on disk. Write to temporary(), close it,
/// call seal(): fsync, rename, fsync of the directory. Without seal() nothing stays behind.
class SealedFile {
public:
    /// \throws InputError if the directory is missing or not writable, or `path` is a directory
    explicit SealedFile(std::filesystem::path path);
    ~SealedFile();
    SealedFile(SealedFile const&) = delete;
    SealedFile& operator=(SealedFile const&) = delete;

    /// `path`.tmp, an empty file so far.
    std::filesystem::path const& temporary() const noexcept { return temporary_; }
    /// \throws Error if the disk is full
    void seal();

private:
    std::filesystem::path path_, temporary_;
};

/// Replace a small file by `text` in the same way.
void replace_file(std::filesystem::path const& path, std::string const& text);

}  // namespace epsim
