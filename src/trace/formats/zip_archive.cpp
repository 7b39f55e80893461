#include "trace/formats/zip_archive.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>

#include "trace/formats/refuse.hpp"
#include "trace/mapped_file.hpp"

namespace epsim {
namespace {

struct CloseFile {
    void operator()(zip_file_t* file) const noexcept { zip_fclose(file); }
};

}  // namespace

struct ZipArchive::Archive {
    std::string path;
    MappedFile file;
    zip_t* zip = nullptr;
    std::vector<std::string> names;

    explicit Archive(std::filesystem::path const& p) : path(p.string()), file(p) {
        zip_error_t error;
        zip_error_init(&error);
        auto* const source =
            zip_source_buffer_create(file.bytes().data(), file.bytes().size(), 0, &error);
        if (source) zip = zip_open_from_source(source, ZIP_RDONLY, &error);
        if (!zip) {
            zip_source_free(source);
            std::string const reason = zip_error_strerror(&error);
            zip_error_fini(&error);
            refuse_import(path, "as a zip archive: " + reason);
        }
        zip_error_fini(&error);
        for (zip_int64_t i = 0; i < zip_get_num_entries(zip, 0); ++i) {
            auto const* const name = zip_get_name(zip, static_cast<zip_uint64_t>(i), 0);
            names.emplace_back(name ? name : "");
        }
    }
    ~Archive() {
        if (zip) zip_discard(zip);
    }
    Archive(Archive&&) = delete;
};

ZipArchive::ZipArchive(std::filesystem::path const& path)
    : archive_(std::make_unique<Archive>(path)) {}

ZipArchive::~ZipArchive() = default;

std::string const& ZipArchive::path() const noexcept {
    return archive_->path;
}

std::vector<std::string> const& ZipArchive::names() const noexcept {
    return archive_->names;
}

bool ZipArchive::has(std::string_view name) const {
    return std::ranges::find(archive_->names, name) != archive_->names.end();
}

std::shared_ptr<std::string const> ZipArchive::read(std::string const& name) const {
    auto const fail = [&](std::string const& why) {
        refuse_import(archive_->path, fmt::format("its entry {} {}", name, why));
    };
    auto const at = std::ranges::find(archive_->names, name) - archive_->names.begin();
    if (at == static_cast<std::ptrdiff_t>(archive_->names.size())) fail("is missing");
    zip_stat_t stat;
    if (zip_stat_index(archive_->zip, static_cast<zip_uint64_t>(at), 0, &stat) != 0 ||
        !(stat.valid & ZIP_STAT_SIZE))
        fail("has no size");
    std::unique_ptr<zip_file_t, CloseFile> const file(
        zip_fopen_index(archive_->zip, static_cast<zip_uint64_t>(at), 0));
    if (!file)
        fail(fmt::format("cannot be opened: {}", zip_error_strerror(zip_get_error(archive_->zip))));

    constexpr std::size_t piece = std::size_t{1} << 20;
    auto bytes = std::make_shared<std::string>();
    for (;;) {
        auto const held = bytes->size();
        bytes->resize(held + piece);
        auto const got = zip_fread(file.get(), bytes->data() + held, piece);
        if (got < 0) fail("is damaged");
        bytes->resize(held + static_cast<std::size_t>(got));
        if (bytes->size() > stat.size) fail("holds more than it claims");
        if (got == 0) break;
    }
    if (bytes->size() != stat.size) fail("holds less than it claims");
    return bytes;
}

}  // namespace epsim
