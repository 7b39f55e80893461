#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace epsim {

enum class Charset { ascii, utf8 };

/// How a report is set. Lines are at most `width` columns.
struct TextStyle {
    int width = 100;
    Charset charset = Charset::ascii;
};

/// utf8 if the descriptor is a terminal and the locale (LC_ALL, else LC_CTYPE, else LANG) says so.
/// Under Open MPI's mpirun ascii: it shows its ranks a terminal wherever their output goes.
Charset charset_of(int file_descriptor);

/// For a report on stdout.
TextStyle stdout_style(int width = 100);

/// Whether a locale's name, like "en_GB.UTF-8", says UTF-8.
bool names_utf8(std::string_view locale);

/// The text with all that could disturb a terminal as '?': control characters, broken UTF-8, and
/// characters that `charset` lacks or that are not one column wide (kept: Latin to Georgian,
/// punctuation, box drawing).
std::string printable(std::string_view text, Charset charset);

/// Columns of a printable text.
std::size_t columns_of(std::string_view text);

/// The text, or its beginning with "…" (".." in ASCII) in place of what exceeds `columns`.
std::string shorten(std::string const& text, std::size_t columns, Charset charset);

/// Lines of at most `columns`, broken at spaces where possible; at least one.
std::vector<std::string> wrap(std::string_view text, std::size_t columns);

/// "label       value", the value wrapped beside its label.
std::string fact(std::string_view label, std::string_view value, TextStyle const& style);

/// Lines of running text.
std::string note(std::string_view text, TextStyle const& style);

/// A bar of round(share x columns) blocks, share taken as 0 to 1; empty for NaN.
std::string bar(double share, int columns, Charset charset);

}  // namespace epsim
