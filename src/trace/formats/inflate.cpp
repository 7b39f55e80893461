#include "trace/formats/inflate.hpp"

#include <zlib.h>

#include "core/error.hpp"

namespace epsim {

std::optional<std::string> inflate_bytes(std::string_view stream, std::size_t most) {
    constexpr std::size_t piece = std::size_t{1} << 16;
    z_stream z{};
    if (inflateInit(&z) != Z_OK) return {};
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(stream.data()));
    std::size_t left = stream.size();
    std::string bytes;
    int status = Z_OK;
    while (status == Z_OK && bytes.size() <= most) {
        auto const held = bytes.size();
        bytes.resize(held + piece);
        if (z.avail_in == 0) {
            z.avail_in = static_cast<uInt>(std::min<std::size_t>(left, 1u << 30));
            left -= z.avail_in;
        }
        z.next_out = reinterpret_cast<Bytef*>(bytes.data() + held);
        z.avail_out = piece;
        status = inflate(&z, Z_NO_FLUSH);
        bytes.resize(held + piece - z.avail_out);
    }
    inflateEnd(&z);
    if (status != Z_STREAM_END || bytes.size() > most) return {};
    return bytes;
}

std::string deflate_bytes(std::string_view bytes) {
    auto size = compressBound(bytes.size());
    std::string stream(size, '\0');
    auto const status = compress(reinterpret_cast<Bytef*>(stream.data()), &size,
                                 reinterpret_cast<Bytef const*>(bytes.data()), bytes.size());
    check(status == Z_OK, "zlib compresses");
    stream.resize(size);
    return stream;
}

}  // namespace epsim
