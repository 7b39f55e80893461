#include <fmt/format.h>

#include <cmath>

#include "core/text.hpp"
#include "report/sections.hpp"

namespace epsim {

std::string paragraphs(std::vector<std::string> const& blocks) {
    std::string text;
    for (auto const& block : blocks) {
        if (!text.empty() && !block.empty()) text += '\n';
        text += block;
    }
    return text;
}

std::string percent_text(double share) {
    return std::isfinite(share) ? fmt::format("{:.1f} %", share * 100) : "-";
}

std::string ratio_text(double ratio) {
    return std::isfinite(ratio) ? fmt::format("{:.3f}", ratio) : "-";
}

std::string bytes_text(double bytes) {
    return std::isfinite(bytes) ? format_bytes(bytes) : "-";
}

std::string seconds_text(double seconds) {
    return format_si(seconds, "s");
}

std::string count_text(int64_t n, std::string_view noun) {
    return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

}  // namespace epsim
