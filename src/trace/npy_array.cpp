#include "trace/npy_array.hpp"

#include <fmt/format.h>

#include "core/error.hpp"
#include "trace/mapped_file.hpp"
#include "trace/npy_header.hpp"

namespace epsim {
namespace {

TypedArray open(std::filesystem::path const& path) {
    auto const file = std::make_shared<MappedFile>(path);
    auto array = parse_npy(file->text(), path.string(), file);
    if (array.size() == 0) fail_npy(path.string(), "it is empty");
    return array;
}

}  // namespace

TypedArray parse_npy(std::string_view bytes, std::string const& name,
                     std::shared_ptr<void const> owner) {
    auto const header = parse_npy_header(bytes, name);
    char const order = header.type.empty() ? '?' : header.type[0];
    if (order == '>') fail_npy(name, fmt::format("'{}' is big endian", header.type));
    auto type = header.type.substr(std::min<std::size_t>(1, header.type.size()));
    bool const known = TypedArray::knows(type) && type[0] != 'b';
    if (!known || (order != '<' && !(order == '|' && type[1] == '1')))
        fail_npy(name, fmt::format("its element type '{}' is not an integer of up to 8 bytes or a "
                                   "float of 2, 4 or 8",
                                   header.type));
    if (header.fortran_order) fail_npy(name, "it is in Fortran order");
    auto const data = bytes.substr(header.data);
    return {name, std::move(type), header.shape, std::as_bytes(std::span(data)), std::move(owner)};
}

NpyArray::NpyArray(std::filesystem::path const& path) : TypedArray(open(path)) {}

}  // namespace epsim
