#include "core/sha256.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <vector>

#include "core/error.hpp"

namespace epsim {

struct Sha256::Context {
    EVP_MD_CTX* handle = EVP_MD_CTX_new();
    ~Context() { EVP_MD_CTX_free(handle); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
    check(context_->handle && EVP_DigestInit_ex(context_->handle, EVP_sha256(), nullptr) == 1,
          "OpenSSL has no SHA-256");
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<std::byte const> bytes) {
    check(EVP_DigestUpdate(context_->handle, bytes.data(), bytes.size()) == 1, "EVP_DigestUpdate");
}

std::string Sha256::hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    check(EVP_DigestFinal_ex(context_->handle, digest.data(), &size) == 1, "EVP_DigestFinal_ex");
    std::string text;
    for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
}

std::string sha256_hex(std::string_view text) {
    Sha256 hash;
    hash.update(std::as_bytes(std::span(text.data(), text.size())));
    return hash.hex();
}

std::string sha256_of_file(std::string const& path) {
    std::ifstream file(path, std::ios::binary);
    Sha256 hash;
    std::vector<char> chunk(1 << 16);
    while (file.read(chunk.data(), std::ssize(chunk)) || file.gcount() > 0)
        hash.update(
            std::as_bytes(std::span(chunk.data(), static_cast<std::size_t>(file.gcount()))));
    if (!file.eof())
        throw InputError(
            fmt::format("cannot read {} (no such file, or no permission). Correct its path", path));
    return hash.hex();
}

}  // namespace epsim
