#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "trace/typed_array.hpp"

namespace epsim {

/// The array that a .npy file's bytes hold (format 1.0 or 2.0), little endian, C order; it may have
/// no elements. \param owner keeps the bytes alive. \throws InputError naming `name`
TypedArray parse_npy(std::string_view bytes, std::string const& name,
                     std::shared_ptr<void const> owner);

/// A NumPy array file (.npy), memory-mapped, with at least one element.
class NpyArray : public TypedArray {
public:
    /// \throws InputError if it is missing, truncated, empty, or anything else than the above
    explicit NpyArray(std::filesystem::path const& path);
};

}  // namespace epsim
