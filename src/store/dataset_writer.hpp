#pragma once

#include <span>
#include <string>
#include <vector>

#include "store/dataset.hpp"

namespace epsim::hdf5 {

/// Create a dataset: contiguous, or in deflated, shuffled chunks of shape `chunk`.
/// \throws FileError
Hid create_dataset(hid_t parent, std::string const& name, hid_t type, Extents const& extents,
                   Extents const& chunk = {});

/// Write a block of elements of any HDF5 type. \param data [product of count] elements
void write_block(hid_t dataset, hid_t memory, Extents const& start, Extents const& count,
                 void const* data);

/// Everything at once; chunked and deflated from 64 KiB on. Returns the dataset.
Hid write_dataset(hid_t parent, std::string const& name, hid_t type, Extents const& extents,
                  void const* data);

template <class T>
Hid write_array(hid_t parent, std::string const& name, Extents const& extents,
                std::span<T const> values) {
    return write_dataset(parent, name, number_type<T>(), extents, values.data());
}

/// Fixed-length strings, as wide as the longest. `extents` is {n}, or {} for one text.
Hid write_texts(hid_t parent, std::string const& name, Extents const& extents,
                std::vector<std::string> const& texts);

/// What a reader shows beside an array.
void describe(hid_t dataset, std::string const& units, std::string const& long_name);

}  // namespace epsim::hdf5
