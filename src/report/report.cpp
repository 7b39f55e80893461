#include "report/report.hpp"

#include "measure/link_health.hpp"
#include "report/sections.hpp"

namespace epsim {

std::string report_text(RunRecord const& record, std::string const& path, TextStyle const& style) {
    auto const input = make_report_input(record, path, style);
    if (is_pair_map(record))
        return paragraphs(
            {origin_section(input), pair_section(input) + verification_section(input)});
    return paragraphs({origin_section(input), speed_section(input) + verification_section(input),
                       phase_section(input), limit_section(input), load_section(input),
                       gate_section(input), traffic_section(input), slowdown_section(input)});
}

std::string slowdown_text(RunRecord const& record, TextStyle const& style) {
    auto const input = make_report_input(record, "", style);
    return paragraphs({slowdown_section(input) + verification_section(input)});
}

}  // namespace epsim
