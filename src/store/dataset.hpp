#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "store/attribute.hpp"
#include "store/extents.hpp"
#include "store/hdf5.hpp"

namespace epsim::hdf5 {

/// The HDF5 type of a number in memory (native) and in a file (little-endian).
template <class T>
hid_t number_type() {
    if constexpr (std::same_as<T, uint8_t>) return H5T_STD_U8LE;
    if constexpr (std::same_as<T, uint16_t>) return H5T_STD_U16LE;
    if constexpr (std::same_as<T, int16_t>) return H5T_STD_I16LE;
    if constexpr (std::same_as<T, int32_t>) return H5T_STD_I32LE;
    if constexpr (std::same_as<T, int64_t>) return H5T_STD_I64LE;
    if constexpr (std::same_as<T, float>) return H5T_IEEE_F32LE;
    if constexpr (std::same_as<T, double>) return H5T_IEEE_F64LE;
}

/// Access property list that makes the library keep some of a dataset's decompressed chunks: it
/// decompresses a chunk again for every block that it does not find there. Up to 128 MiB.
Hid keep_chunks(hsize_t chunks, hsize_t chunk_bytes);

/// A dataset of a file that nobody vouches for. Opening checks that it lies in the file itself, is
/// there in full (a claimed size is backed by stored chunks), and can be streamed: no chunk over
/// 256 MiB, filters deflate, shuffle and fletcher32 only.
class Dataset {
public:
    Dataset() = default;
    /// \param kept_chunks decompressed chunks to keep, for blocks that share a chunk
    /// \throws FileError
    Dataset(hid_t parent, std::string name, hsize_t kept_chunks = 0);

    explicit operator bool() const noexcept { return static_cast<bool>(id_); }
    hid_t id() const noexcept { return id_.get(); }
    std::string const& name() const noexcept { return name_; }
    Extents const& extents() const noexcept { return extents_; }
    hid_t type() const noexcept { return type_.get(); }
    std::size_t element_bytes() const { return H5Tget_size(type()); }

    /// \throws FileError if the shape is another; the text names both
    void require_extents(Extents const& expected) const;
    /// \throws FileError if not every value of the stored type is a T
    template <class T>
    void require_values_of() const {
        if constexpr (std::integral<T>)
            require_integers(sizeof(T), std::is_signed_v<T>);
        else
            require_floats(sizeof(T));
    }

    /// Read a block, converted to T (which require_values_of() must have allowed).
    /// \param out [product of count]
    template <class T>
    void read(Extents const& start, Extents const& count, std::span<T> out) const {
        read_as(number_type<T>(), start, count, std::as_writable_bytes(out));
    }
    /// Read a block into elements of any HDF5 type. \param out [product of count] elements
    void read_as(hid_t memory, Extents const& start, Extents const& count,
                 std::span<std::byte> out) const;
    /// Everything, in C order.
    template <class T>
    std::vector<T> read_all() const {
        require_values_of<T>();
        std::vector<T> values(elements());
        read<T>(Extents(extents_.size(), 0), extents_, values);
        return values;
    }
    /// All texts of an array of fixed-length strings.
    std::vector<std::string> read_texts() const;

    std::size_t elements() const;

private:
    /// Bytes of a chunk; 0 = not chunked.
    hsize_t require_stored() const;
    hsize_t require_chunks(hid_t creation) const;
    void require_integers(std::size_t bytes, bool is_signed) const;
    void require_floats(std::size_t bytes) const;

    std::string name_;
    Hid id_, type_;
    Extents extents_;
};

}  // namespace epsim::hdf5
