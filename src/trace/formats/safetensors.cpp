#include "trace/formats/safetensors.hpp"

#include <fmt/format.h>

#include <cstring>
#include <fstream>

#include "core/error.hpp"
#include "trace/formats/json_text.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/mapped_file.hpp"

namespace epsim {
namespace {

std::string element_type(std::string const& name) {
    static std::map<std::string, std::string> const types{
        {"U8", "u1"},  {"I8", "i1"},  {"U16", "u2"}, {"I16", "i2"}, {"U32", "u4"},
        {"I32", "i4"}, {"U64", "u8"}, {"I64", "i8"}, {"F16", "f2"}, {"BF16", "b2"},
        {"F32", "f4"}, {"F64", "f8"}, {"BOOL", "u1"}};
    auto const found = types.find(name);
    return found == types.end() ? name : found->second;
}

}  // namespace

std::map<std::string, TypedArray> read_safetensors(std::filesystem::path const& path) {
    auto const file = std::make_shared<MappedFile>(path);
    auto const text = file->text();
    uint64_t length = 0;
    if (text.size() < sizeof length) refuse_import(path, "it is too short for safetensors");
    std::memcpy(&length, text.data(), sizeof length);
    if (length > text.size() - sizeof length)
        refuse_import(path, fmt::format("its header of {} bytes is longer than the file", length));
    auto const header = parse_json(text.substr(sizeof length, length), path);
    auto const data = file->bytes().subspan(sizeof length + length);
    if (!header.is_object()) refuse_import(path, "its safetensors header is no object");

    std::map<std::string, TypedArray> tensors;
    for (auto const& [name, tensor] : header.items()) {
        if (name == "__metadata__") continue;
        auto const type = text_of(member(tensor, "dtype", path), path);
        auto const shape = integers_of(member(tensor, "shape", path), path);
        auto const place = integers_of(member(tensor, "data_offsets", path), path);
        if (place.size() != 2 || place[0] < 0 || place[0] > place[1] ||
            place[1] > static_cast<int64_t>(data.size()))
            refuse_import(path, fmt::format("its tensor {} lies outside the file", name));
        tensors.emplace(name,
                        TypedArray(path.string() + ", " + name, element_type(type), shape,
                                   data.subspan(static_cast<std::size_t>(place[0]),
                                                static_cast<std::size_t>(place[1] - place[0])),
                                   file));
    }
    return tensors;
}

void write_safetensors(std::filesystem::path const& path,
                       std::map<std::string, IntegerTensor> const& tensors) {
    Json header = Json::object();
    uint64_t end = 0;
    for (auto const& [name, tensor] : tensors) {
        auto const begin = end;
        end += tensor.value.size() * sizeof(int64_t);
        header[name] = {{"dtype", "I64"}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    }
    auto text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    std::ofstream file(path, std::ios::binary);
    uint64_t const length = text.size();
    file.write(reinterpret_cast<char const*>(&length), sizeof length);
    file << text;
    for (auto const& [name, tensor] : tensors)
        file.write(reinterpret_cast<char const*>(tensor.value.data()),
                   static_cast<std::streamsize>(tensor.value.size() * sizeof(int64_t)));
    if (!file.flush())
        throw Error(fmt::format("cannot write {} (disk full, or no access). Check the path",
                                path.string()));
}

}  // namespace epsim
