#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace epsim {

/// "8K" = 8192, "1M", "2G", "3T" (binary), plain integers.
/// \throws InputError on anything else, or over 2^63.
int64_t parse_size(std::string_view text);

/// A number or a ratio: "0.125", "1e-4", "1/8". \throws InputError
double parse_ratio(std::string_view text);

/// "512 B", "1.50 KiB", "2.00 GiB".
std::string format_bytes(double bytes);

/// Engineering form of an SI quantity with four significant digits: (0.0012, "s") is "1.200 ms".
std::string format_si(double value, std::string_view unit);

/// The candidate with the least Levenshtein distance; empty if there is none.
std::string_view nearest(std::string_view word, std::span<std::string const> candidates);

/// Pieces between separators, white space round each removed. Empty text has none.
std::vector<std::string> split(std::string_view text, char separator);

}  // namespace epsim
