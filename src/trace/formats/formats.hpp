#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "trace/formats/file_content.hpp"
#include "trace/formats/recording.hpp"

namespace epsim {

/// What files of a format hold: see Recording.
enum class Holds { tokens, logits, counts, placement, traffic };

/// A format of recorded routing that epsim reads.
struct Format {
    std::string_view name, system;
    Holds holds;
    std::string_view options;  ///< of ImportRequest, that it takes: "num-experts top-k .."
    std::string (*evidence)(FileContent const&);  ///< empty = not of this format
    Recording (*read)(ImportRequest const&);
};

/// All of them; where a file could be of several, the first is taken.
std::span<Format const> import_formats();

/// Which format files are of, and why.
struct Found {
    Format const* format = nullptr;
    std::string evidence;
    std::vector<std::filesystem::path> files;     ///< in the order of the numbers in their names
    std::vector<std::filesystem::path> left_out;  ///< of folders: those of no or another format
};

/// \param paths files and folders, whose files are taken that are of one format
/// \param name of the format; empty = see what the files are
/// \throws InputError if there is no such format, or the files are of none or of several
Found recognise(std::vector<std::filesystem::path> const& paths, std::string const& name);

}  // namespace epsim
