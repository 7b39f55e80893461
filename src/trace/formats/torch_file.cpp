#include "trace/formats/torch_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "trace/formats/refuse.hpp"

namespace epsim {
namespace {

constexpr std::string_view pickle_name = "/data.pkl";

std::string folder_of(ZipArchive const& archive) {
    for (auto const& name : archive.names())
        if (name.ends_with(pickle_name) && name.find('/') == name.size() - pickle_name.size())
            return name.substr(0, name.size() - pickle_name.size() + 1);
    return {};
}

std::string folder_or_fail(ZipArchive const& archive) {
    auto folder = folder_of(archive);
    if (folder.empty()) refuse_import(archive.path(), "it holds no data.pkl of torch.save");
    if (archive.has(folder + "byteorder") && *archive.read(folder + "byteorder") != "little")
        refuse_import(archive.path(), "it is not little endian");
    return folder;
}

/// Elements of a tensor; it must be contiguous.
int64_t elements(std::vector<int64_t> const& size, std::vector<int64_t> const& stride,
                 std::string const& path, std::string const& name) {
    int64_t n = 1;
    bool const empty = std::ranges::count(size, 0) > 0;
    for (std::size_t i = size.size(); i-- > 0;) {
        if (size[i] < 0 || (!empty && size[i] > INT64_MAX / std::max<int64_t>(n, 1)))
            refuse_import(path, fmt::format("its tensor {} has an absurd size", name));
        if (!empty && size[i] > 1 && stride[i] != n)
            refuse_import(path, fmt::format("its tensor {} is not contiguous", name),
                          "Save it after .contiguous()");
        n = empty ? 0 : n * size[i];
    }
    return n;
}

}  // namespace

bool TorchFile::is_one(ZipArchive const& archive) {
    return !folder_of(archive).empty();
}

TorchFile::TorchFile(std::filesystem::path const& path)
    : archive_(path),
      folder_(folder_or_fail(archive_)),
      tree_(read_pickle(*archive_.read(folder_ + "data.pkl"), path.string())) {}

PickleValue const& TorchFile::require(PickleValue const& dict, std::string_view key) const {
    auto const* const value = tree_.find(dict, key);
    if (!value) refuse_import(path(), fmt::format("it lacks {}", key));
    return *value;
}

TypedArray TorchFile::tensor(PickleValue const& value, std::string const& name) const {
    if (value.kind != PickleValue::Kind::tensor)
        refuse_import(path(), fmt::format("its {} is no tensor", name));
    auto const& storage = tree_.at(value.items[0]);
    auto const size = integers(tree_.at(value.items[2]), name);
    auto const stride = integers(tree_.at(value.items[3]), name);
    if (size.size() != stride.size())
        refuse_import(path(), fmt::format("its tensor {} has sizes without strides", name));
    auto const n = static_cast<uint64_t>(elements(size, stride, path(), name));
    auto const bytes = archive_.read(folder_ + "data/" + tree_.at(storage.items[0]).text);
    auto const element = static_cast<uint64_t>(storage.text[1] - '0');
    auto const first = static_cast<uint64_t>(tree_.at(value.items[1]).integer);
    auto const held = bytes->size() / element;
    if (first > held || n > held - first)
        refuse_import(
            path(), fmt::format("its tensor {} has {} elements from {} on, its storage {}", name, n,
                                first, held));
    return {path() + ", " + name, storage.text, size,
            std::as_bytes(std::span(*bytes)).subspan(first * element, n * element), bytes};
}

std::vector<int64_t> TorchFile::integers(PickleValue const& value, std::string const& name) const {
    if (value.kind == PickleValue::Kind::tensor) {
        auto const array = tensor(value, name);
        if (array.kind() != TypedArray::Kind::integer)
            refuse_import(path(), fmt::format("its {} are no integers", name));
        return array.integers(0, array.size());
    }
    std::vector<int64_t> numbers;
    for (auto const i : value.items) {
        auto const& item = tree_.at(i);
        if (value.kind != PickleValue::Kind::list || item.kind != PickleValue::Kind::integer)
            refuse_import(path(), fmt::format("its {} are no integers", name));
        numbers.push_back(item.integer);
    }
    return numbers;
}

}  // namespace epsim
