#include "core/sha256.hpp"

#include <gtest/gtest.h>

namespace epsim {
namespace {

// NIST, "SHA-256 example values" of FIPS 180-4, and the empty message of its test vectors.
TEST(Sha256, GivesThePublishedDigests) {
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(sha256_hex(std::string(1000000, 'a')),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnThePieces) {
    std::string const text(1000, 'x');
    auto const bytes = std::as_bytes(std::span(text));
    for (std::size_t piece : {1, 63, 64, 65, 999, 1000}) {
        Sha256 hash;
        for (std::size_t at = 0; at < bytes.size(); at += piece)
            hash.update(bytes.subspan(at, std::min(piece, bytes.size() - at)));
        hash.update({});
        EXPECT_EQ(hash.hex(), sha256_hex(text)) << piece;
    }
}

}  // namespace
}  // namespace epsim
