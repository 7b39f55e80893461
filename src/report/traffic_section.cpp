#include <fmt/format.h>

#include <cmath>

#include "core/text.hpp"
#include "report/sections.hpp"
#include "report/table.hpp"

namespace epsim {

std::string traffic_section(ReportInput const& input) {
    Table table({{"traffic of a pass", Align::left}, {"dispatch"}, {"combine"}, {"", Align::left}});
    auto const add = [&](char const* label, char const* suffix, auto const& text,
                         char const* note) {
        double const dispatch = input.value(fmt::format("dispatch_{}", suffix));
        double const combine = input.value(fmt::format("combine_{}", suffix));
        if (std::isnan(dispatch) && std::isnan(combine)) return;
        table.add({label, text(dispatch), text(combine), note});
    };
    auto const rate = [](double v) { return format_si(v, "B/s"); };
    add("selected", "selected", bytes_text, "assignments x row bytes");
    add("payload", "payload", bytes_text, "rows sent");
    add("padding", "padding", bytes_text, "");
    add("metadata", "metadata", bytes_text, "counts, slots, weights");
    add("off rank", "off_rank_share", percent_text, "of bytes on all links");
    add("off node", "off_node_share", percent_text, "");
    add("algbw", "algbw", rate, "busiest rank's rows / phase time");
    add("busbw", "busbw", rate, "the same, self left out");
    if (table.empty()) return "";
    return table.text(input.style) + note(
                                         "All ranks and layers, self included. Rows: payload and "
                                         "padding; phase time: waiting "
                                         "included.",
                                         input.style);
}

std::string verification_section(ReportInput const& input) {
    auto const& record = input.record;
    std::string text;
    bool const off = input.configured("measure.verify") == "off";
    if (off || (record.checked == 0 && record.identities == 0))
        text = "not done: nothing vouches for what was computed";
    else
        text = fmt::format(
            "{}: {} and {} compared, {} wrong; largest error {} of its bound",
            record.wrong == 0 ? "passed" : "FAILED", count_text(record.identities, "row"),
            count_text(record.checked, "output"), record.wrong, ratio_text(record.max_error));
    text = fact("verified", text, input.style);
    if (std::isnan(record.dispatch_error) || std::isnan(record.combine_error)) return text;
    return text +
           fact("rounding",
                fmt::format("{:.2g} of experts' inputs by {} (dispatch), {:.2g} of their "
                            "outputs by {} (combine): relative root mean squares",
                            record.dispatch_error, input.configured("exchange.wire_dtype"),
                            record.combine_error, input.configured("exchange.combine_dtype")),
                input.style);
}

}  // namespace epsim
