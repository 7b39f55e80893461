#pragma once

#include <fmt/format.h>
#include <hdf5.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"

namespace epsim {

/// What a file holds is not what it should be, or the HDF5 library refused a call: a reason without
/// the file's name, which reading() and writing() add.
class FileError : public Error {
    using Error::Error;
};

/// Run `work`, which reads `path`. \throws InputError that names the file, for a FileError
template <class Work>
auto reading(std::filesystem::path const& path, Work&& work) {
    try {
        return work();
    } catch (FileError const& e) {
        throw InputError(
            fmt::format("{}: {}. Make the file again or give another", path.string(), e.what()));
    }
}

/// Run `work`, which writes `path`. \throws Error that names the file, for a FileError
template <class Work>
auto writing(std::filesystem::path const& path, Work&& work) {
    try {
        return work();
    } catch (FileError const& e) {
        throw Error(fmt::format("cannot write {} ({}). Free some space or choose another place",
                                path.string(), e.what()));
    }
}

namespace hdf5 {

/// Owner of any HDF5 id.
class Hid {
public:
    Hid() = default;
    explicit Hid(hid_t id) noexcept : id_(id) {}
    Hid(Hid&& other) noexcept : id_(other.release()) {}
    Hid& operator=(Hid&& other) noexcept {
        Hid old(std::exchange(id_, other.release()));
        return *this;
    }
    ~Hid() {
        if (id_ >= 0) H5Idec_ref(id_);
    }

    hid_t get() const noexcept { return id_; }
    hid_t release() noexcept { return std::exchange(id_, H5I_INVALID_HID); }
    explicit operator bool() const noexcept { return id_ >= 0; }

private:
    hid_t id_ = H5I_INVALID_HID;
};

/// Fail with "WHAT NAME (the library's reason)" if an HDF5 call did. Returns what the call did.
/// \throws FileError
hid_t require(hid_t result, std::string_view what, std::string_view name = {});

/// Own the id that a call returned. \throws FileError if it failed
inline Hid own(hid_t id, std::string_view what, std::string_view name = {}) {
    return Hid(require(id, what, name));
}

/// Set the library up for this process. To be called before any other of its functions; opening and
/// creating a file do it.
void prepare();

/// Open for reading, without a lock: sealed files never change, and some file systems refuse locks.
/// \throws FileError if it is missing, not a regular file, not HDF5 or truncated
Hid open_file(std::filesystem::path const& path);

/// Create or overwrite. \throws FileError
Hid create_file(std::filesystem::path const& path);

/// Flush and close: the last moment at which a full disk shows. \throws FileError
void close_file(Hid file);

/// Whether a group has a link of this name that leads to an object of the same file: soft and
/// external links are as good as absent, since they could lead anywhere.
bool has(hid_t group, std::string const& name);

Hid create_group(hid_t parent, std::string const& name);
/// \throws FileError if there is none
Hid open_group(hid_t parent, std::string const& name);
/// Names of the links in a group, in alphabetical order.
std::vector<std::string> children(hid_t group);

}  // namespace hdf5
}  // namespace epsim
