#include "layer/algorithm_choice.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/text.hpp"

namespace epsim {

std::string AlgorithmChoice::text() const {
    std::vector<std::string> others;
    for (std::size_t i = 1; i < tried.size(); ++i)
        others.push_back(
            fmt::format("{} {}", tried[i].algorithm, format_si(tried[i].seconds, "s")));
    return fmt::format("{} ({} an exchange{}{})", algorithm(),
                       format_si(tried.front().seconds, "s"), others.empty() ? "" : "; ",
                       fmt::join(others, ", "));
}

void AlgorithmChoice::describe(std::map<std::string, std::string>& facts) const {
    facts["auto"] = text();
    if (!left_out.empty()) facts["auto_left_out"] = fmt::format("{}", fmt::join(left_out, "; "));
}

AlgorithmChoice choose_algorithm(std::vector<AlgorithmTime> times,
                                 std::vector<std::string> left_out) {
    check(!times.empty(), "something was tried");
    std::ranges::stable_sort(times, {}, &AlgorithmTime::seconds);
    return {std::move(times), std::move(left_out)};
}

std::string choices_text(std::span<AlgorithmChoice const> choice) {
    std::map<std::string, int> count;
    for (auto const& of_step : choice) ++count[of_step.algorithm()];
    std::string text;
    for (auto const& [algorithm, times] : count)
        text += text.empty() ? fmt::format("{} for {} of {} sizes", algorithm, times, choice.size())
                             : fmt::format(", {} for {}", algorithm, times);
    return text;
}

}  // namespace epsim
