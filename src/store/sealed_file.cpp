#include "store/sealed_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "core/error.hpp"

namespace epsim {
namespace {

[[noreturn]] void fail_to_write(std::filesystem::path const& path) {
    throw Error(fmt::format("cannot write {} ({}). Free some space or choose another place",
                            path.string(), std::strerror(errno)));
}

void sync(std::filesystem::path const& path) {
    int const file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    // EINVAL: this file system cannot sync a directory, and does not have to.
    bool const done = file >= 0 && (fsync(file) == 0 || errno == EINVAL);
    int const reason = errno;
    if (file >= 0) ::close(file);
    errno = reason;
    if (!done) fail_to_write(path);
}

}  // namespace

SealedFile::SealedFile(std::filesystem::path path)
    : path_(std::move(path)), temporary_(path_.string() + ".tmp") {
    std::error_code error;
    if (std::filesystem::is_directory(path_, error))
        throw InputError(fmt::format("cannot write {} (it is a directory). Choose another name",
                                     path_.string()));
    int const file = ::open(temporary_.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0)
        throw InputError(
            fmt::format("cannot write {} ({}). Choose a directory that exists and "
                        "that you may write to",
                        path_.string(), std::strerror(errno)));
    ::close(file);
}

SealedFile::~SealedFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void SealedFile::seal() {
    sync(temporary_);
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail_to_write(path_);
    temporary_.clear();
    sync(path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."));
}

void replace_file(std::filesystem::path const& path, std::string const& text) {
    SealedFile file(path);
    std::ofstream stream(file.temporary(), std::ios::binary);
    stream << text;
    stream.close();
    if (!stream) fail_to_write(path);
    file.seal();
}

}  // namespace epsim
