#pragma once

#include <string>

#include "exchange/plugin/epsim_exchange.h"

namespace epsim {

/// A shared library that speaks epsim_exchange.h, loaded until the process ends: its threads and
/// exit handlers may need it.
class ExchangePlugin {
public:
    /// \throws InputError that says what is wrong with the file or the table in it
    explicit ExchangePlugin(std::string const& path);

    epsim_exchange_table const& table() const noexcept { return *table_; }
    std::string name() const { return table_->name; }
    std::string version() const { return table_->version; }
    std::string const& path() const noexcept { return path_; }  ///< absolute
    std::string const& sha256() const noexcept { return sha256_; }
    /// "name version (path)", for messages.
    std::string description() const;

private:
    std::string path_, sha256_;
    epsim_exchange_table const* table_ = nullptr;
};

}  // namespace epsim
