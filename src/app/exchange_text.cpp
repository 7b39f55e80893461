#include "app/exchange_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "layer/exchange_record.hpp"
#include "measure/bandwidth.hpp"
#include "measure/statistics.hpp"
#include "measure/step_times.hpp"
#include "report/table.hpp"

namespace epsim {
namespace {

std::string number(double value, int digits) {
    return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "-";
}

/// Microseconds with four digits.
std::string microseconds(double seconds) {
    double const us = seconds * 1e6;
    return number(us, us < 10 ? 3 : us < 100 ? 2 : us < 1000 ? 1 : 0);
}

/// Gigabytes a second with three digits or more, down to a megabyte.
std::string gigabytes(double rate) {
    return number(rate * 1e-9, rate < 1e8 ? 6 : rate < 1e9 ? 4 : rate < 1e10 ? 3 : 2);
}

/// T_lb of the step: of its layers, which follow each other.
double bound_of(RunRecord const& record, int64_t step) {
    if (record.bound.empty()) return std::numeric_limits<double>::quiet_NaN();
    double sum = 0;
    for (int64_t l = 0; l < record.bound.extent(1); ++l)
        sum += record.bound(step, l, static_cast<int64_t>(Phase::dispatch));
    return sum;
}

}  // namespace

double busiest_bytes(Array<int64_t, 2> const& rows, int64_t row_bytes) {
    return bandwidth(bytes_of(rows, row_bytes), 1).algbw;
}

std::string exchange_table(ExchangeCase const& exchange, RunRecord const& record,
                           std::vector<int64_t> const& wrong, std::string const& name,
                           TextStyle const& style) {
    std::vector<Table::Column> columns{{"size"},  {"row"},   {"p50"},   {"min"},       {"max"},
                                       {"algbw"}, {"busbw"}, {"bound"}, {"bound/p50"}, {"#wrong"}};
    bool const differ = !exchange.step_algorithm.empty();
    if (differ) columns.push_back({"algorithm", Align::left});
    Table table(columns);
    auto const iterations = measured_iterations(record);
    for (int64_t s = 0; s < exchange.steps(); ++s) {
        std::vector<double> times;
        for (int64_t const i : iterations[static_cast<std::size_t>(s)])
            times.push_back(iteration_time(record, i));
        auto const& layers = exchange.rows[static_cast<std::size_t>(s)];
        auto rows = layers.front();
        for (std::size_t l = 1; l < layers.size(); ++l)
            std::ranges::transform(rows.flat(), layers[l].flat(), rows.flat().begin(),
                                   std::plus<>());
        double const p50 = median(times), bound = bound_of(record, s);
        auto const rate = bandwidth(bytes_of(rows, exchange.row_bytes), p50);
        bool const some = !times.empty();
        std::vector<std::string> cells{
            number(busiest_bytes(rows, exchange.row_bytes), 0),
            fmt::format("{}", exchange.row_bytes),
            microseconds(p50),
            some ? microseconds(std::ranges::min(times)) : "-",
            some ? microseconds(std::ranges::max(times)) : "-",
            gigabytes(rate.algbw),
            gigabytes(rate.busbw),
            microseconds(bound),
            number(bound / p50, 3),
            exchange.check() ? fmt::format("{}", wrong[static_cast<std::size_t>(s)]) : "-"};
        if (differ) cells.push_back(exchange.algorithm_of(s));
        table.add(cells);
    }
    auto const head = fmt::format("{}, {} ranks on {} node{}, {} iterations a size ({})\n\n", name,
                                  exchange.topology.ranks(), exchange.topology.nodes(),
                                  exchange.topology.nodes() == 1 ? "" : "s",
                                  iterations.empty() ? 0 : iterations.front().size(), record.kind);
    return head + table.text(style) +
           note(
               "Sizes in B, times in us, rates in GB/s. Time: from the agreed start to the latest "
               "end over ranks, right after an untimed "
               "exchange of the same rows. Size, algbw: what the busiest rank sends or receives, "
               "itself included; busbw: itself left out. Exact bytes.",
               style);
}

}  // namespace epsim
