#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace epsim {

/// SHA-256 (FIPS 180-4) over bytes given piece by piece.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;

    void update(std::span<std::byte const> bytes);
    /// 64 lower-case hexadecimal digits. Call once.
    std::string hex();

private:
    struct Context;
    std::unique_ptr<Context> context_;
};

std::string sha256_hex(std::string_view text);
/// \throws InputError if it cannot be read
std::string sha256_of_file(std::string const& path);

}  // namespace epsim
