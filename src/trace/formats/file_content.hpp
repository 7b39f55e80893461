#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trace/typed_array.hpp"

namespace epsim {

/// What a look into a file shows, for telling formats apart.
struct FileContent {
    enum class Container { npy, zip, torch, safetensors, json, text };

    std::filesystem::path path;
    Container container = Container::text;
    std::vector<std::string> names;  ///< entries of an archive, keys of the outermost JSON object
                                     ///< or torch dictionary, tensors of safetensors
    std::map<std::string, std::vector<int64_t>> shape;  ///< of safetensors' tensors
    std::optional<TypedArray> array;                    ///< of .npy
    std::string head;                                   ///< the first 4096 bytes

    std::string file_name() const { return path.filename().string(); }
    bool has(std::string const& name) const;
};

/// \throws InputError if the file cannot be read, or is damaged
FileContent look_into(std::filesystem::path const& path);

/// What the rows (last axis) of an array of integers look like.
struct RowLook {
    bool distinct = true;  ///< no row, of those that are not all 0, has a number twice (but for -1)
    bool zero_or_one = true;
    int64_t least = INT64_MAX, most = INT64_MIN;
};
/// Looks at up to 65536 rows, spread over all. \param array of integers, with 1 axis or more
RowLook look_at_rows(TypedArray const& array);
/// "[26, 8222, 6]"
std::string shape_text(std::vector<int64_t> const& shape);

}  // namespace epsim
