#include "store/hdf5.hpp"

namespace epsim::hdf5 {
namespace {

/// The cause: the innermost record of the library's error stack; of a failed system call, its text.
std::string reason() {
    std::string text;
    auto const keep = [](unsigned, H5E_error2_t const* error, void* into) -> herr_t {
        if (error->desc) *static_cast<std::string*>(into) = error->desc;
        return 1;
    };
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep, &text);
    constexpr std::string_view mark = "error message = '";
    if (auto const at = text.find(mark); at != text.npos)
        text = text.substr(at + mark.size(), text.find('\'', at + mark.size()) - at - mark.size());
    return text.empty() ? "the HDF5 library gives no reason" : text;
}

Hid file_access() {
    Hid list = own(H5Pcreate(H5P_FILE_ACCESS), "cannot make a property list");
    require(H5Pset_file_locking(list.get(), false, true), "cannot turn file locking off");
    return list;
}

}  // namespace

hid_t require(hid_t result, std::string_view what, std::string_view name) {
    if (result < 0)
        throw FileError(name.empty() ? fmt::format("{} ({})", what, reason())
                                     : fmt::format("{} {} ({})", what, name, reason()));
    return result;
}

void prepare() {
    // After a failed write, release 1.10 crashes in its own clean-up at exit, which nobody here
    // needs: every handle has an owner.
    static herr_t const once = H5dont_atexit();
    static_cast<void>(once);
    // Not to print its error stack: every message goes through reason().
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Hid open_file(std::filesystem::path const& path) {
    prepare();
    std::error_code error;
    auto const status = std::filesystem::status(path, error);
    if (status.type() == std::filesystem::file_type::not_found)
        throw FileError("there is no such file");
    if (error) throw FileError(fmt::format("cannot be reached: {}", error.message()));
    if (!std::filesystem::is_regular_file(status)) throw FileError("not a regular file");
    return own(H5Fopen(path.c_str(), H5F_ACC_RDONLY, file_access().get()),
               "not a readable HDF5 file");
}

Hid create_file(std::filesystem::path const& path) {
    prepare();
    return own(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, file_access().get()),
               "cannot create the file");
}

void close_file(Hid file) {
    require(H5Fclose(file.release()), "cannot close the file");
}

bool has(hid_t group, std::string const& name) {
    if (H5Lexists(group, name.c_str(), H5P_DEFAULT) <= 0) return false;
    H5L_info_t info{};
    require(H5Lget_info(group, name.c_str(), &info, H5P_DEFAULT), "cannot look up", name);
    return info.type == H5L_TYPE_HARD;
}

Hid create_group(hid_t parent, std::string const& name) {
    return own(H5Gcreate2(parent, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
               "cannot create group", name);
}

Hid open_group(hid_t parent, std::string const& name) {
    if (!has(parent, name)) throw FileError(fmt::format("has no group {}", name));
    return own(H5Gopen2(parent, name.c_str(), H5P_DEFAULT), "cannot open group", name);
}

std::vector<std::string> children(hid_t group) {
    std::vector<std::string> names;
    auto const add = [](hid_t, char const* name, H5L_info_t const*, void* into) -> herr_t {
        static_cast<std::vector<std::string>*>(into)->emplace_back(name);
        return 0;
    };
    require(H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), "cannot list",
            "a group");
    return names;
}

}  // namespace epsim::hdf5
