#include "store/dataset.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace epsim::hdf5 {
namespace {

constexpr hsize_t largest_chunk_bytes = hsize_t{256} << 20;
constexpr hsize_t most_kept_bytes = hsize_t{128} << 20;
constexpr hsize_t library_keeps_bytes = hsize_t{1} << 20;  // unless told otherwise
constexpr std::size_t cache_slots = 521;                   // the library's default, a prime

hsize_t product(Extents const& extents, std::string const& name, hsize_t bytes = 1) {
    hsize_t size = bytes;
    for (hsize_t const n : extents)
        if (__builtin_mul_overflow(size, n, &size) || size > PTRDIFF_MAX)
            throw FileError(fmt::format("/{} claims to be [{}] x {} bytes", name,
                                        fmt::join(extents, ", "), bytes));
    return size;
}

void require_known_filters(hid_t creation, std::string const& name) {
    int const filters = static_cast<int>(require(H5Pget_nfilters(creation), "cannot read", name));
    for (int i = 0; i < filters; ++i) {
        unsigned flags = 0, config = 0;
        std::size_t values = 0;
        auto const filter = H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &values,
                                           nullptr, 0, nullptr, &config);
        require(filter, "cannot read the filters of", name);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
            filter != H5Z_FILTER_FLETCHER32)
            throw FileError(
                fmt::format("/{} is packed with HDF5 filter {} (deflate, shuffle and "
                            "fletcher32 are read)",
                            name, filter));
    }
}

}  // namespace

Hid keep_chunks(hsize_t chunks, hsize_t chunk_bytes) {
    auto const bytes = std::min(most_kept_bytes, chunks * chunk_bytes);
    Hid access = own(H5Pcreate(H5P_DATASET_ACCESS), "cannot make a property list");
    if (bytes > library_keeps_bytes)
        require(H5Pset_chunk_cache(access.get(), cache_slots, bytes, 1), "cannot set a cache");
    return access;
}

Dataset::Dataset(hid_t parent, std::string name, hsize_t kept_chunks) : name_(std::move(name)) {
    if (!has(parent, name_)) throw FileError(fmt::format("has no dataset {}", name_));
    id_ = own(H5Dopen2(parent, name_.c_str(), H5P_DEFAULT), "cannot open", name_);
    type_ = own(H5Dget_type(id()), "cannot read the type of", name_);
    Hid const space = own(H5Dget_space(id()), "cannot read the shape of", name_);
    int const rank = static_cast<int>(
        require(H5Sget_simple_extent_ndims(space.get()), "cannot read the shape of", name_));
    extents_.resize(static_cast<std::size_t>(rank));
    require(H5Sget_simple_extent_dims(space.get(), extents_.data(), nullptr),
            "cannot read the shape of", name_);
    if (auto const chunk_bytes = require_stored(); kept_chunks > 0 && chunk_bytes > 0) {
        id_ = {};  // the library takes the cache of whoever opens first
        id_ = own(H5Dopen2(parent, name_.c_str(), keep_chunks(kept_chunks, chunk_bytes).get()),
                  "cannot open", name_);
    }
}

std::size_t Dataset::elements() const {
    return product(extents_, name_);
}

hsize_t Dataset::require_stored() const {
    auto const bytes = product(extents_, name_, element_bytes());
    Hid const creation = own(H5Dget_create_plist(id()), "cannot read", name_);
    hsize_t file_bytes = 0;
    Hid const file = own(H5Iget_file_id(id()), "cannot reach the file of", name_);
    require(H5Fget_filesize(file.get(), &file_bytes), "cannot size the file of", name_);
    if (H5Dget_storage_size(id()) > file_bytes)
        throw FileError(fmt::format("/{} claims {} of the file's {} bytes", name_,
                                    H5Dget_storage_size(id()), file_bytes));
    if (H5Pget_external_count(creation.get()) != 0)
        throw FileError(fmt::format("/{} lies in other files", name_));
    switch (H5Pget_layout(creation.get())) {
        case H5D_CHUNKED:
            return require_chunks(creation.get());
        case H5D_CONTIGUOUS:
        case H5D_COMPACT:
            break;
        default:
            throw FileError(fmt::format("/{} lies in other files", name_));
    }
    if (auto const stored = H5Dget_storage_size(id()); stored != bytes)
        throw FileError(
            fmt::format("/{} should take {} bytes, but {} are stored (it was not written "
                        "to its end)",
                        name_, bytes, stored));
    return 0;
}

hsize_t Dataset::require_chunks(hid_t creation) const {
    require_known_filters(creation, name_);
    Extents chunk(extents_.size());
    require(H5Pget_chunk(creation, static_cast<int>(chunk.size()), chunk.data()),
            "cannot read the chunks of", name_);
    auto const bytes = product(chunk, name_, element_bytes());
    if (bytes == 0 || bytes > largest_chunk_bytes)
        throw FileError(
            fmt::format("/{} has chunks of {} bytes (up to 256 MiB are streamed)", name_, bytes));
    hsize_t expected = 1, stored = 0;
    for (std::size_t a = 0; a < chunk.size(); ++a)
        expected *= extents_[a] / chunk[a] + (extents_[a] % chunk[a] != 0);
    Hid const space = own(H5Dget_space(id()), "cannot read the shape of", name_);
    require(H5Dget_num_chunks(id(), space.get(), &stored), "cannot count the chunks of", name_);
    if (stored != expected)
        throw FileError(
            fmt::format("/{} should have {} chunks, but {} are stored (it was not "
                        "written to its end)",
                        name_, expected, stored));
    return bytes;
}

void Dataset::require_extents(Extents const& expected) const {
    if (extents_ != expected)
        throw FileError(fmt::format("/{} has shape [{}], not [{}]", name_,
                                    fmt::join(extents_, ", "), fmt::join(expected, ", ")));
}

void Dataset::require_integers(std::size_t bytes, bool is_signed) const {
    bool const fits =
        H5Tget_class(type()) == H5T_INTEGER &&
        (element_bytes() == bytes
             ? (H5Tget_sign(type()) == H5T_SGN_2) == is_signed
             : element_bytes() < bytes && (is_signed || H5Tget_sign(type()) == H5T_SGN_NONE));
    if (!fits)
        throw FileError(fmt::format("/{} does not hold {}int{} values", name_, is_signed ? "" : "u",
                                    8 * bytes));
}

void Dataset::require_floats(std::size_t bytes) const {
    if (H5Tget_class(type()) != H5T_FLOAT || element_bytes() != bytes)
        throw FileError(fmt::format("/{} does not hold float{} values", name_, 8 * bytes));
}

void Dataset::read_as(hid_t memory, Extents const& start, Extents const& count,
                      std::span<std::byte> out) const {
    check(product(count, name_, H5Tget_size(memory)) == out.size(), "a block fills its buffer");
    if (out.empty()) return;
    Hid const file_space = own(H5Dget_space(id()), "cannot read the shape of", name_);
    if (!extents_.empty())
        require(H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr,
                                    count.data(), nullptr),
                "cannot select a part of", name_);
    Hid const memory_space =
        own(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr),
            "cannot make a dataspace");
    require(H5Dread(id(), memory, memory_space.get(), file_space.get(), H5P_DEFAULT, out.data()),
            "cannot read", name_);
}

std::vector<std::string> Dataset::read_texts() const {
    if (H5Tget_class(type()) != H5T_STRING || H5Tis_variable_str(type()) != 0)
        throw FileError(fmt::format("/{} does not hold fixed-length texts", name_));
    auto const width = element_bytes();
    std::vector<char> bytes(elements() * width);
    read_as(type(), Extents(extents_.size(), 0), extents_,
            std::as_writable_bytes(std::span(bytes)));
    std::vector<std::string> texts(elements());
    for (std::size_t i = 0; i < texts.size(); ++i)
        texts[i] = text_from(&bytes[i * width], width, type());
    return texts;
}

}  // namespace epsim::hdf5
