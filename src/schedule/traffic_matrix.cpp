#include "schedule/traffic_matrix.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <fstream>

#include "core/error.hpp"
#include "trace/npy_array.hpp"

namespace epsim {
namespace {

[[noreturn]] void refuse(std::filesystem::path const& file, std::string const& problem) {
    throw InputError(fmt::format(
        "{}: {}. Give a traffic matrix: a line a source, a number from 0 up a destination",
        file.string(), problem));
}

std::string_view trimmed(std::string_view text) {
    constexpr auto blank = " \t\r";
    auto const first = text.find_first_not_of(blank);
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

/// A matrix of that size is made only from as many numbers: a file's claim allocates nothing.
TrafficMatrix matrix_of(std::filesystem::path const& file, std::vector<double> const& values,
                        int64_t lines, int64_t width, int ranks) {
    if (lines != ranks || width != ranks)
        refuse(file, fmt::format("it is {} x {} (there are {} ranks: it must be {} x {})", lines,
                                 width, ranks, ranks, ranks));
    TrafficMatrix matrix({ranks, ranks});
    bool any = false;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isfinite(values[i]) || values[i] < 0)
            refuse(file, fmt::format("rank {} to {} is {} (no amount of bytes)",
                                     static_cast<int>(i) / ranks, static_cast<int>(i) % ranks,
                                     values[i]));
        any |= values[i] > 0;
        matrix.flat()[i] = values[i];
    }
    if (!any) refuse(file, "every number is 0 (nothing would move)");
    return matrix;
}

TrafficMatrix read_csv(std::filesystem::path const& file, int ranks) {
    std::vector<double> values;
    int64_t lines = 0, width = 0;
    std::ifstream text(file);
    if (!text)
        throw InputError(
            fmt::format("cannot read {} (it does not exist, or access is denied). Check the path",
                        file.string()));
    std::string line;
    for (int64_t number = 1; std::getline(text, line); ++number) {
        std::string_view rest = trimmed(line);
        if (rest.empty() || rest.front() == '#') continue;
        int64_t cells = 0;
        for (bool more = true; more; ++cells) {
            auto const comma = rest.find(',');
            more = comma != rest.npos;
            auto const cell = trimmed(rest.substr(0, comma));
            rest = more ? rest.substr(comma + 1) : std::string_view();
            double value = 0;
            auto const [end, error] =
                std::from_chars(cell.data(), cell.data() + cell.size(), value);
            if (error != std::errc() || end != cell.data() + cell.size())
                refuse(file, fmt::format("line {} has '{:.20}' (no number)", number, cell));
            values.push_back(value);
        }
        if (lines > 0 && cells != width)
            refuse(file, fmt::format("line {} has {} numbers, the ones before {} (it is no matrix)",
                                     number, cells, width));
        width = cells;
        ++lines;
    }
    return matrix_of(file, values, lines, width, ranks);
}

TrafficMatrix read_npy(std::filesystem::path const& file, int ranks) {
    NpyArray const array(file);
    if (array.shape().size() != 2)
        refuse(file, fmt::format("it has {} dimensions, not 2", array.shape().size()));
    auto const n = int64_t{ranks} * ranks == array.size() ? array.size() : 0;
    return matrix_of(file, array.reals(0, n), array.shape()[0], array.shape()[1], ranks);
}

}  // namespace

TrafficMatrix uniform_traffic(int ranks) {
    return TrafficMatrix({ranks, ranks}, 1);
}

TrafficMatrix read_traffic(std::filesystem::path const& file, int ranks) {
    if (file.extension() == ".csv") return read_csv(file, ranks);
    if (file.extension() == ".npy") return read_npy(file, ranks);
    throw InputError(
        fmt::format("exchange.traffic = {} is unknown (uniform, recorded, or a file *.csv or "
                    "*.npy). Choose one",
                    file.string()));
}

}  // namespace epsim
