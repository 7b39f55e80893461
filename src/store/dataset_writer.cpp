#include "store/dataset_writer.hpp"

#include <functional>
#include <numeric>

namespace epsim::hdf5 {
namespace {

constexpr unsigned deflate_level = 4;
constexpr hsize_t deflate_from_bytes = hsize_t{64} << 10;
constexpr hsize_t chunk_bytes = hsize_t{1} << 20;

Hid space_of(Extents const& extents) {
    return own(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr),
               "cannot make a dataspace");
}

hsize_t elements_in(Extents const& extents) {
    return std::accumulate(extents.begin(), extents.end(), hsize_t{1}, std::multiplies<>());
}

}  // namespace

Hid create_dataset(hid_t parent, std::string const& name, hid_t type, Extents const& extents,
                   Extents const& chunk) {
    Hid const creation = own(H5Pcreate(H5P_DATASET_CREATE), "cannot make a property list");
    // No time stamps: the same data make the same file.
    require(H5Pset_obj_track_times(creation.get(), false), "cannot leave out times of", name);
    if (!chunk.empty()) {
        require(H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data()),
                "cannot chunk", name);
        require(H5Pset_shuffle(creation.get()), "cannot shuffle", name);
        require(H5Pset_deflate(creation.get(), deflate_level), "cannot deflate", name);
    }
    return own(
        H5Dcreate2(parent, name.c_str(), type, space_of(extents).get(), H5P_DEFAULT, creation.get(),
                   keep_chunks(1, elements_in(chunk) * H5Tget_size(type)).get()),
        "cannot create", name);
}

void write_block(hid_t dataset, hid_t memory, Extents const& start, Extents const& count,
                 void const* data) {
    Hid const file_space = own(H5Dget_space(dataset), "cannot read a shape");
    if (!count.empty())
        require(H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr,
                                    count.data(), nullptr),
                "cannot select a block");
    require(H5Dwrite(dataset, memory, space_of(count).get(), file_space.get(), H5P_DEFAULT, data),
            "cannot write a block");
}

Hid write_dataset(hid_t parent, std::string const& name, hid_t type, Extents const& extents,
                  void const* data) {
    hsize_t const elements = elements_in(extents);
    auto const element_bytes = H5Tget_size(type);
    Extents chunk;
    if (!extents.empty() && elements * element_bytes >= deflate_from_bytes)
        chunk = piece_shape(extents, std::max<hsize_t>(1, chunk_bytes / element_bytes));
    Hid dataset = create_dataset(parent, name, type, extents, chunk);
    if (elements > 0) write_block(dataset.get(), type, Extents(extents.size(), 0), extents, data);
    return dataset;
}

Hid write_texts(hid_t parent, std::string const& name, Extents const& extents,
                std::vector<std::string> const& texts) {
    PackedTexts const packed(texts);
    return write_dataset(parent, name, text_type(packed.width).get(), extents, packed.bytes.data());
}

void describe(hid_t dataset, std::string const& units, std::string const& long_name) {
    write_attribute(dataset, "units", units);
    write_attribute(dataset, "long_name", long_name);
}

}  // namespace epsim::hdf5
