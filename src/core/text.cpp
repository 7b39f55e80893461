#include "core/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>

#include "core/error.hpp"

namespace epsim {
namespace {

std::string_view trim(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    auto const first = text.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

template <class T>
std::optional<T> number(std::string_view text) {
    T value{};
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t const above = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
            diagonal = above;
        }
    }
    return row[b.size()];
}

}  // namespace

int64_t parse_size(std::string_view text) {
    std::string_view digits = trim(text);
    int shift = 0;
    if (!digits.empty()) {
        constexpr std::string_view suffixes = "KMGT";
        char const last = static_cast<char>(digits.back() & ~0x20);
        if (auto const at = suffixes.find(last); at != std::string_view::npos) {
            shift = 10 * static_cast<int>(at + 1);
            digits.remove_suffix(1);
        }
    }
    auto const value = number<int64_t>(digits);
    int64_t size = 0;
    if (!value || __builtin_mul_overflow(*value, int64_t{1} << shift, &size))
        throw InputError(fmt::format(
            "'{}' is no size (an integer with K, M, G or T for powers of 1024). Correct it", text));
    return size;
}

double parse_ratio(std::string_view text) {
    auto const slash = text.find('/');
    auto const top = number<double>(trim(text.substr(0, slash)));
    auto const bottom =
        slash == std::string_view::npos ? 1.0 : number<double>(trim(text.substr(slash + 1)));
    if (!top || !bottom || *bottom == 0 || !std::isfinite(*top / *bottom))
        throw InputError(
            fmt::format("'{}' is no number (like 0.125, 1e-4 or 1/8). Correct it", text));
    return *top / *bottom;
}

std::string format_bytes(double bytes) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    while (std::abs(bytes) >= 1024 && unit + 1 < units.size()) bytes /= 1024, ++unit;
    if (unit == 0) return fmt::format("{:.0f} B", bytes);
    return fmt::format("{:.2f} {}", bytes, units[unit]);
}

std::string format_si(double value, std::string_view unit) {
    if (!std::isfinite(value)) return "-";
    if (value == 0) return fmt::format("0 {}", unit);
    constexpr std::array prefixes{"p", "n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
    constexpr int one = 4, last = static_cast<int>(prefixes.size()) - 1;
    int prefix = one + static_cast<int>(std::floor(std::log10(std::abs(value)) / 3));
    prefix = std::clamp(prefix, 0, last);
    double scaled = value / std::pow(1000.0, prefix - one);
    if (std::abs(scaled) >= 999.95 && prefix < last) scaled /= 1000, ++prefix;
    int const decimals = std::abs(scaled) < 9.9995 ? 3 : std::abs(scaled) < 99.995 ? 2 : 1;
    return fmt::format("{:.{}f} {}{}", scaled, decimals, prefixes[static_cast<std::size_t>(prefix)],
                       unit);
}

std::string_view nearest(std::string_view word, std::span<std::string const> candidates) {
    if (candidates.empty()) return {};
    return *std::ranges::min_element(candidates, {},
                                     [&](std::string const& c) { return edit_distance(word, c); });
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> pieces;
    if (trim(text).empty()) return pieces;
    for (std::size_t begin = 0; begin <= text.size();) {
        auto const end = std::min(text.find(separator, begin), text.size());
        pieces.emplace_back(trim(text.substr(begin, end - begin)));
        begin = end + 1;
    }
    return pieces;
}

}  // namespace epsim
