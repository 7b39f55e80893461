#include "exchange/plugin/exchange_plugin.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>

#include "core/error.hpp"
#include "core/sha256.hpp"

namespace epsim {
namespace {

constexpr char const* symbol = "epsim_exchange_plugin";

[[noreturn]] void refuse(std::string const& path, std::string const& problem,
                         std::string_view remedy) {
    throw InputError(
        fmt::format("exchange.plugin = {} cannot be used ({}). {}", path, problem, remedy));
}

std::string library_sha256(std::string const& path) {
    try {
        return sha256_of_file(path);
    } catch (InputError const&) {
        refuse(path, "the file cannot be read", "Give the path of a shared library");
    }
}

std::string last_dl_error() {
    char const* const text = dlerror();
    return text ? text : "the loader does not say why";
}

/// Nothing of a table is looked at before its version is known, nor beyond the size that it states.
void check_table(std::string const& path, epsim_exchange_table const& table) {
    if (table.abi_version != EPSIM_EXCHANGE_ABI_VERSION)
        refuse(path,
               fmt::format("it was built for version {} of the plugin interface, this epsim has {}",
                           table.abi_version, EPSIM_EXCHANGE_ABI_VERSION),
               "Build it with this epsim's epsim_exchange.h");
    if (table.size < sizeof(epsim_exchange_table))
        refuse(path,
               fmt::format("its table has {} bytes, version {} has {}", table.size,
                           EPSIM_EXCHANGE_ABI_VERSION, sizeof(epsim_exchange_table)),
               "Set size to sizeof(epsim_exchange_table)");
    auto const require = [&](bool there, char const* field) {
        if (!there) refuse(path, fmt::format("{} is null in its table", field), "Mend the plugin");
    };
    require(table.name, "name");
    require(table.version, "version");
    require(table.create, "create");
    require(table.destroy, "destroy");
    require(table.last_error, "last_error");
    require(table.all_to_all, "all_to_all");
    require(table.all_to_all_rows, "all_to_all_rows");
    if (!table.alloc != !table.free)
        refuse(path, "it has one of alloc and free", "Give both, or neither");
}

}  // namespace

ExchangePlugin::ExchangePlugin(std::string const& path)
    : path_(std::filesystem::absolute(path).lexically_normal().string()),
      sha256_(library_sha256(path_)) {
    void* const library = dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) refuse(path_, last_dl_error(), "Give a shared library built for this machine");
    void* const found = dlsym(library, symbol);
    if (!found)
        refuse(path_, last_dl_error(), fmt::format("Export {}, see epsim_exchange.h", symbol));
    table_ = reinterpret_cast<decltype(&epsim_exchange_plugin)>(found)();
    if (!table_) refuse(path_, fmt::format("{} returned null", symbol), "Mend the plugin");
    check_table(path_, *table_);
}

std::string ExchangePlugin::description() const {
    return fmt::format("{} {} ({})", name(), version(), path_);
}

}  // namespace epsim
