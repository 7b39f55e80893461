#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace epsim {

/// A zip archive (.npz, .pt), read by libzip from the mapped file. Sums are checked; what an entry
/// claims to hold allocates nothing: memory grows with what is really read.
class ZipArchive {
public:
    /// \throws InputError if it is no zip archive
    explicit ZipArchive(std::filesystem::path const& path);
    ~ZipArchive();
    ZipArchive(ZipArchive&&) = delete;

    std::string const& path() const noexcept;
    std::vector<std::string> const& names() const noexcept;
    bool has(std::string_view name) const;
    /// The bytes of an entry. \throws InputError if it is missing, damaged, or holds other than it
    /// claims
    std::shared_ptr<std::string const> read(std::string const& name) const;

private:
    struct Archive;
    std::unique_ptr<Archive> archive_;
};

}  // namespace epsim
