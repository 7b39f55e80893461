#pragma once

#include <filesystem>
#include <string>

namespace epsim {

/// "FILE cannot be imported (reason). What to do" \throws InputError
[[noreturn]] void refuse_import(std::filesystem::path const& file, std::string const& reason,
                                std::string const& what_to_do = "Check the file");

}  // namespace epsim
