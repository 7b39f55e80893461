#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "trace/mapped_file.hpp"

namespace epsim {

/// A NumPy array file (.npy, format 1.0 or 2.0), little endian, C order, memory-mapped. Element
/// types u1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8. What the header says must agree with the size of the
/// file, and nothing is allocated by it.
class NpyArray {
public:
    enum class Kind { integer, real };

    /// \throws InputError if it is missing, truncated, empty, or anything else than the above
    explicit NpyArray(std::filesystem::path const& path);

    std::string const& path() const noexcept { return path_; }
    Kind kind() const noexcept { return type_[0] == 'f' ? Kind::real : Kind::integer; }
    std::vector<int64_t> const& shape() const noexcept { return shape_; }  ///< each at least 1
    int64_t size() const noexcept { return size_; }                        ///< elements

    /// Elements [first, first + n) in C order; 2^63 and more becomes 2^63 - 1. \throws Error if they don't exist, or are reals
    std::vector<int64_t> integers(int64_t first, int64_t n) const;
    /// Elements of either kind. \throws Error if they don't exist
    std::vector<double> reals(int64_t first, int64_t n) const;

private:
    template <class Out>
    std::vector<Out> elements(int64_t first, int64_t n) const;

    std::string path_;
    MappedFile file_;
    std::string type_;  // "u2", "f4" ..
    std::vector<int64_t> shape_;
    int64_t size_ = 1;
    std::size_t data_ = 0;  // where the elements begin
};

}  // namespace epsim
