#include "report/text_style.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace epsim {
namespace {

constexpr std::size_t label_columns = 13;

bool continues(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// The code point at the text's start and its bytes; 0 bytes if it is no UTF-8.
std::pair<uint32_t, std::size_t> decode(std::string_view text) {
    auto const lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) return {lead, 1};
    std::size_t const size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
    if (size == 0 || lead > 0xF4 || text.size() < size) return {0, 0};
    uint32_t point = lead & (0xFFU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
        if (!continues(text[i])) return {0, 0};
        point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
    }
    return {point, size};
}

bool is_kept(uint32_t point, Charset charset) {
    if (point < 0x80) return point >= 0x20 && point != 0x7F;
    if (charset == Charset::ascii) return false;
    bool const combining = point >= 0x300 && point < 0x370;
    return (point >= 0xA1 && point < 0x590 && point != 0xAD && !combining) ||
           (point >= 0x10A0 && point < 0x1100) || (point >= 0x2010 && point <= 0x2027) ||
           (point >= 0x2500 && point < 0x25A0);
}

/// Bytes of the first `columns` characters.
std::size_t bytes_of(std::string_view text, std::size_t columns) {
    std::size_t at = 0;
    for (; columns > 0 && at < text.size(); --columns) do
            ++at;
        while (at < text.size() && continues(text[at]));
    return at;
}

}  // namespace

bool names_utf8(std::string_view locale) {
    std::string low;
    for (char const c : locale)
        if (c != '-') low += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return low.find("utf8") != std::string::npos;
}

Charset charset_of(int file_descriptor) {
    if (isatty(file_descriptor) == 0 || std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr)
        return Charset::ascii;
    for (auto const* name : {"LC_ALL", "LC_CTYPE", "LANG"})
        if (auto const* value = std::getenv(name); value != nullptr && *value != '\0')
            return names_utf8(value) ? Charset::utf8 : Charset::ascii;
    return Charset::ascii;
}

TextStyle stdout_style(int width) {
    return {width, charset_of(STDOUT_FILENO)};
}

std::string printable(std::string_view text, Charset charset) {
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        auto const [point, size] = decode(text.substr(at));
        if (size > 0 && is_kept(point, charset))
            result += text.substr(at, size);
        else
            result += '?';
        at += std::max<std::size_t>(size, 1);
    }
    return result;
}

std::size_t columns_of(std::string_view text) {
    return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues));
}

std::string shorten(std::string const& text, std::size_t columns, Charset charset) {
    if (columns_of(text) <= columns) return text;
    std::string const mark = charset == Charset::utf8 ? "…" : "..";
    auto const room = columns - std::min(columns, columns_of(mark));
    return text.substr(0, bytes_of(text, room)) + mark.substr(0, bytes_of(mark, columns));
}

std::vector<std::string> wrap(std::string_view text, std::size_t columns) {
    std::vector<std::string> lines;
    while (columns_of(text) > columns) {
        auto const fits = bytes_of(text, columns);
        auto const space = text.rfind(' ', fits);
        bool const at_space = space != std::string_view::npos && space > 0;
        lines.emplace_back(text.substr(0, at_space ? space : fits));
        text.remove_prefix(at_space ? space + 1 : fits);
    }
    if (!text.empty() || lines.empty()) lines.emplace_back(text);
    return lines;
}

std::string fact(std::string_view label, std::string_view value, TextStyle const& style) {
    std::string result;
    auto const room = static_cast<std::size_t>(style.width) - label_columns;
    for (auto const& line : wrap(printable(value, style.charset), room)) {
        result += fmt::format("{:<{}}{}\n", label, label_columns, line);
        label = {};
    }
    return result;
}

std::string note(std::string_view text, TextStyle const& style) {
    std::string result;
    for (auto const& line :
         wrap(printable(text, style.charset), static_cast<std::size_t>(style.width)))
        result += line + '\n';
    return result;
}

std::string bar(double share, int columns, Charset charset) {
    std::string result;
    if (std::isnan(share)) return result;
    auto const blocks = std::lround(std::clamp(share, 0.0, 1.0) * columns);
    for (long i = 0; i < blocks; ++i) result += charset == Charset::utf8 ? "█" : "#";
    return result;
}

}  // namespace epsim
