#include "config/presets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>

#include "core/build_info.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace epsim {
namespace fs = std::filesystem;

fs::path config_dir() {
    if (char const* set = std::getenv("EPSIM_CONFIG_DIR"); set != nullptr && *set != '\0')
        return set;
    std::error_code none;
    fs::path const here = fs::read_symlink("/proc/self/exe", none).parent_path();
    for (auto const& candidate : {here / "configs", here.parent_path() / "configs"})
        if (fs::is_directory(candidate / "models", none)) return candidate;
    return fs::path(build_info().source_dir) / "configs";
}

std::string read_text_file(fs::path const& path) {
    constexpr std::size_t max_bytes = 1 << 20;
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string text(max_bytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file.is_open() || file.bad() || (!file.eof() && file.gcount() == 0))
        throw InputError(fmt::format("cannot read '{}' ({}). Check the path", path.string(),
                                     std::strerror(errno)));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > max_bytes)
        throw InputError(fmt::format(
            "'{}' is over 1 MiB (no configuration is that long). Check the path", path.string()));
    return text;
}

std::vector<std::string> PresetFolder::names() const {
    std::vector<std::string> names;
    std::error_code none;
    for (auto const& entry : fs::directory_iterator(folder_, none))
        if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
    std::ranges::sort(names);
    return names;
}

fs::path PresetFolder::find(std::string_view name) const {
    std::string wanted(name);
    std::ranges::transform(wanted, wanted.begin(), [](unsigned char c) { return std::tolower(c); });
    auto const known = names();
    if (std::ranges::binary_search(known, wanted)) return folder_ / (wanted + ".toml");
    if (known.empty())
        throw InputError(fmt::format(
            "preset '{}' is unknown (there are no presets in {}). Set EPSIM_CONFIG_DIR to the "
            "configs folder",
            name, folder_.string()));
    throw InputError(
        fmt::format("preset '{}' is unknown (nearest: {}; looked in {}). See epsim model list",
                    name, nearest(wanted, known), folder_.string()));
}

}  // namespace epsim
