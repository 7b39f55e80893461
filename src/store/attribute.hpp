#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "store/hdf5.hpp"

namespace epsim::hdf5 {

/// Type of a fixed-length UTF-8 string of `bytes` bytes (at least 1), padded with zeros.
Hid text_type(std::size_t bytes);
/// The text in a fixed-length string's bytes: up to the first zero, or less the padding blanks.
std::string text_from(char const* bytes, std::size_t size, hid_t type);

/// Texts as an array of fixed-length strings, as wide as the longest.
struct PackedTexts {
    explicit PackedTexts(std::vector<std::string> const& texts);
    std::size_t width = 1;
    std::string bytes;  ///< [texts.size() x width]
};

bool has_attribute(hid_t object, std::string const& name);

/// Scalar attributes of an object. \throws FileError if it is absent or of another kind
std::string text_attribute(hid_t object, std::string const& name);
int64_t integer_attribute(hid_t object, std::string const& name);
double real_attribute(hid_t object, std::string const& name);
/// The same, one of `choices` or within bounds. \throws FileError that says what is possible
std::string text_attribute(hid_t object, std::string const& name,
                           std::vector<std::string> const& choices);
int32_t integer_attribute(hid_t object, std::string const& name, int32_t least, int32_t most);
/// The `count` integers of an attribute. \throws FileError if it has another shape
std::vector<int64_t> integers_attribute(hid_t object, std::string const& name, int64_t count);

void write_attribute(hid_t object, std::string const& name, std::string const& text);
void write_attribute(hid_t object, std::string const& name, int64_t value, hid_t type);
void write_attribute(hid_t object, std::string const& name, double value);
void write_attribute(hid_t object, std::string const& name, std::span<int32_t const> values);
void write_attribute(hid_t object, std::string const& name, std::vector<std::string> const& texts);

/// Check the root attributes `schema` and `schema_version` (major, minor, patch): the name must
/// agree, and the major version must be `major`. \throws FileError
void require_schema(hid_t file, std::string const& schema, int64_t major);

}  // namespace epsim::hdf5
