#include "report/report.hpp"

#include "report/sections.hpp"

namespace epsim {

std::string report_text(RunRecord const& record, std::string const& path, TextStyle const& style) {
    auto const input = make_report_input(record, path, style);
    return paragraphs({origin_section(input), speed_section(input) + verification_section(input),
                       phase_section(input), limit_section(input), load_section(input),
                       traffic_section(input)});
}

}  // namespace epsim
