#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace epsim {

/// The folder with `models/`: $EPSIM_CONFIG_DIR, else configs beside or above the executable, else
/// the one of the sources that it was built from.
std::filesystem::path config_dir();

/// A whole file of text. \throws InputError if it cannot be read or is over 1 MiB
std::string read_text_file(std::filesystem::path const& path);

/// The model presets of a folder: one TOML file each, named in lower case.
class PresetFolder {
public:
    explicit PresetFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

    /// Names without ending, sorted; none if there is no such folder.
    std::vector<std::string> names() const;
    /// \param name in any case. \throws InputError with the nearest name and the folder
    std::filesystem::path find(std::string_view name) const;

private:
    std::filesystem::path folder_;
};

}  // namespace epsim
