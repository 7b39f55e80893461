#include "trace/formats/file_content.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "trace/formats/json_text.hpp"
#include "trace/formats/safetensors.hpp"
#include "trace/formats/torch_file.hpp"
#include "trace/mapped_file.hpp"
#include "trace/npy_array.hpp"

namespace epsim {
namespace {

using Container = FileContent::Container;

void look_into_zip(FileContent& content) {
    ZipArchive const archive(content.path);
    if (!TorchFile::is_one(archive)) {
        content.container = Container::zip;
        content.names = archive.names();
        return;
    }
    content.container = Container::torch;
    TorchFile const file(content.path);
    if (file.root().kind != PickleValue::Kind::dict) return;
    for (std::size_t i = 0; i + 1 < file.root().items.size(); i += 2)
        content.names.push_back(file.tree().at(file.root().items[i]).text);
}

bool looks_like_safetensors(std::string_view text) {
    uint64_t length = 0;
    if (text.size() < sizeof length + 1 || text[sizeof length] != '{') return false;
    std::memcpy(&length, text.data(), sizeof length);
    return length <= text.size() - sizeof length;
}

}  // namespace

bool FileContent::has(std::string const& name) const {
    return std::ranges::find(names, name) != names.end();
}

FileContent look_into(std::filesystem::path const& path) {
    MappedFile const file(path);
    auto const text = file.text();
    FileContent content{path, Container::text, {}, {}, {}, std::string(text.substr(0, 4096))};
    if (text.starts_with("\x93NUMPY")) {
        content.container = Container::npy;
        content.array = NpyArray(path);
    } else if (text.starts_with("PK")) {
        look_into_zip(content);
    } else if (looks_like_safetensors(text)) {
        content.container = Container::safetensors;
        for (auto const& [name, tensor] : read_safetensors(path)) {
            content.names.push_back(name);
            content.shape[name] = tensor.shape();
        }
    } else if (auto const first = text.find_first_not_of(" \t\r\n");
               first != std::string_view::npos && text[first] == '{') {
        content.names = json_keys(text);
        if (!content.names.empty()) content.container = Container::json;
    }
    return content;
}

RowLook look_at_rows(TypedArray const& array) {
    constexpr int64_t most_rows = 65536;
    RowLook look;
    int64_t const width = array.shape().back();
    int64_t const rows = width == 0 ? 0 : array.size() / width;
    int64_t const step = std::max<int64_t>(1, rows / most_rows);
    for (int64_t row = 0; row < rows; row += step) {
        auto values = array.integers(row * width, width);
        std::ranges::sort(values);
        look.least = std::min(look.least, values.front());
        look.most = std::max(look.most, values.back());
        bool const empty = values.front() == 0 && values.back() == 0;
        auto const first = std::ranges::upper_bound(values, -1);
        if (!empty && std::adjacent_find(first, values.end()) != values.end())
            look.distinct = false;
    }
    look.zero_or_one = look.least >= 0 && look.most <= 1;
    return look;
}

std::string shape_text(std::vector<int64_t> const& shape) {
    return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace epsim
