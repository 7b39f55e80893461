#include "store/attribute.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

namespace epsim::hdf5 {
namespace {

constexpr std::size_t longest_text = 1 << 20;

Hid open_attribute(hid_t object, std::string const& name) {
    if (!has_attribute(object, name)) throw FileError(fmt::format("has no attribute {}", name));
    return own(H5Aopen(object, name.c_str(), H5P_DEFAULT), "cannot open attribute", name);
}

int64_t elements_of(hid_t attribute, std::string const& name) {
    Hid const space = own(H5Aget_space(attribute), "cannot read attribute", name);
    return H5Sget_simple_extent_npoints(space.get());
}

void create(hid_t object, std::string const& name, hid_t type, hid_t memory, hid_t space,
            void const* data) {
    Hid const attribute =
        own(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT),
            "cannot create attribute", name);
    require(H5Awrite(attribute.get(), memory, data), "cannot write attribute", name);
}

Hid simple_space(std::size_t size) {
    hsize_t const extent = size;
    return own(H5Screate_simple(1, &extent, nullptr), "cannot make a dataspace");
}

std::string variable_text(hid_t attribute, hid_t type, std::string const& name) {
    char* text = nullptr;
    require(H5Aread(attribute, type, &text), "cannot read attribute", name);
    std::string copy = text ? text : "";
    H5free_memory(text);
    return copy;
}

}  // namespace

Hid text_type(std::size_t bytes) {
    Hid type = own(H5Tcopy(H5T_C_S1), "cannot make a type");
    require(H5Tset_size(type.get(), std::max<std::size_t>(bytes, 1)), "cannot size a string");
    require(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), "cannot pad a string");
    require(H5Tset_cset(type.get(), H5T_CSET_UTF8), "cannot encode a string");
    return type;
}

std::string text_from(char const* bytes, std::size_t size, hid_t type) {
    std::string text(bytes, strnlen(bytes, size));
    if (H5Tget_strpad(type) == H5T_STR_SPACEPAD) text.resize(text.find_last_not_of(' ') + 1);
    return text;
}

PackedTexts::PackedTexts(std::vector<std::string> const& texts) {
    for (auto const& text : texts) width = std::max(width, text.size());
    bytes.resize(texts.size() * width);
    for (std::size_t i = 0; i < texts.size(); ++i) texts[i].copy(&bytes[i * width], width);
}

bool has_attribute(hid_t object, std::string const& name) {
    return H5Aexists(object, name.c_str()) > 0;
}

std::string text_attribute(hid_t object, std::string const& name) {
    Hid const attribute = open_attribute(object, name);
    Hid const type = own(H5Aget_type(attribute.get()), "cannot read attribute", name);
    if (H5Tget_class(type.get()) != H5T_STRING || elements_of(attribute.get(), name) != 1)
        throw FileError(fmt::format("attribute {} is not one text", name));
    if (H5Tis_variable_str(type.get()) > 0) return variable_text(attribute.get(), type.get(), name);
    auto const size = H5Tget_size(type.get());
    if (size > longest_text)
        throw FileError(fmt::format("attribute {} claims {} bytes", name, size));
    std::string bytes(size, '\0');
    require(H5Aread(attribute.get(), type.get(), bytes.data()), "cannot read attribute", name);
    return text_from(bytes.data(), size, type.get());
}

std::vector<int64_t> integers_attribute(hid_t object, std::string const& name, int64_t count) {
    Hid const attribute = open_attribute(object, name);
    Hid const type = own(H5Aget_type(attribute.get()), "cannot read attribute", name);
    if (H5Tget_class(type.get()) != H5T_INTEGER || elements_of(attribute.get(), name) != count)
        throw FileError(
            fmt::format("attribute {} is not {} integer{}", name, count, count == 1 ? "" : "s"));
    std::vector<int64_t> values(static_cast<std::size_t>(count));
    require(H5Aread(attribute.get(), H5T_NATIVE_INT64, values.data()), "cannot read attribute",
            name);
    return values;
}

int64_t integer_attribute(hid_t object, std::string const& name) {
    return integers_attribute(object, name, 1).front();
}

double real_attribute(hid_t object, std::string const& name) {
    Hid const attribute = open_attribute(object, name);
    Hid const type = own(H5Aget_type(attribute.get()), "cannot read attribute", name);
    if (H5Tget_class(type.get()) != H5T_FLOAT || elements_of(attribute.get(), name) != 1)
        throw FileError(fmt::format("attribute {} is not one real number", name));
    double value = 0;
    require(H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, &value), "cannot read attribute", name);
    return value;
}

std::string text_attribute(hid_t object, std::string const& name,
                           std::vector<std::string> const& choices) {
    auto value = text_attribute(object, name);
    if (std::ranges::count(choices, value) == 0)
        throw FileError(
            fmt::format("attribute {} = '{}' (known: {})", name, value, fmt::join(choices, ", ")));
    return value;
}

int32_t integer_attribute(hid_t object, std::string const& name, int32_t least, int32_t most) {
    auto const value = integer_attribute(object, name);
    if (value < least || value > most)
        throw FileError(
            fmt::format("attribute {} = {} ({} to {} are possible)", name, value, least, most));
    return static_cast<int32_t>(value);
}

void write_attribute(hid_t object, std::string const& name, std::string const& text) {
    Hid const type = text_type(text.size());
    Hid const space = own(H5Screate(H5S_SCALAR), "cannot make a dataspace");
    create(object, name, type.get(), type.get(), space.get(), text.c_str());
}

void write_attribute(hid_t object, std::string const& name, int64_t value, hid_t type) {
    Hid const space = own(H5Screate(H5S_SCALAR), "cannot make a dataspace");
    create(object, name, type, H5T_NATIVE_INT64, space.get(), &value);
}

void write_attribute(hid_t object, std::string const& name, double value) {
    Hid const space = own(H5Screate(H5S_SCALAR), "cannot make a dataspace");
    create(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, space.get(), &value);
}

void write_attribute(hid_t object, std::string const& name, std::span<int32_t const> values) {
    create(object, name, H5T_STD_I32LE, H5T_NATIVE_INT32, simple_space(values.size()).get(),
           values.data());
}

void write_attribute(hid_t object, std::string const& name, std::vector<std::string> const& texts) {
    PackedTexts const packed(texts);
    Hid const type = text_type(packed.width);
    create(object, name, type.get(), type.get(), simple_space(texts.size()).get(),
           packed.bytes.data());
}

void require_schema(hid_t file, std::string const& schema, int64_t major) {
    if (!has_attribute(file, "schema"))
        throw FileError(fmt::format("has no attribute schema (expected {})", schema));
    if (auto const found = text_attribute(file, "schema"); found != schema)
        throw FileError(fmt::format("its schema is '{}', not {}", found, schema));
    auto const version = integers_attribute(file, "schema_version", 3);
    if (version[0] != major)
        throw FileError(fmt::format("its schema_version is {}.{}.{} (this epsim reads {}.x)",
                                    version[0], version[1], version[2], major));
}

}  // namespace epsim::hdf5
