#include "trace/formats/recording.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "core/error.hpp"
#include "trace/limits.hpp"

namespace epsim {

int required_experts(ImportRequest const& request, std::string const& format) {
    if (!request.num_experts)
        throw InputError(
            fmt::format("--num-experts is missing (files of format {} do not say it). "
                        "Give the experts of a layer",
                        format));
    check_sizes(*request.num_experts, 1);
    return *request.num_experts;
}

TraceInfo recorded_info(ImportRequest const& request, std::string const& format) {
    TraceInfo info;
    info.num_experts = required_experts(request, format);
    info.origin = "recorded";
    info.producer = request.text.producer;
    info.source = request.text.source;
    info.model = request.text.model;
    return info;
}

std::vector<int32_t> layer_numbers(ImportRequest const& request, int64_t count) {
    if (request.first_layer && !request.layers.empty())
        throw InputError(
            "--layers and --first-layer are both given (either numbers the layers). Leave one "
            "out");
    auto numbers = request.layers;
    auto const first = request.first_layer.value_or(0);
    if (numbers.empty())
        for (int64_t l = 0; l < std::min<int64_t>(count, most_layers) && first <= INT32_MAX - l;
             ++l)
            numbers.push_back(first + static_cast<int32_t>(l));
    if (static_cast<int64_t>(numbers.size()) != count)
        throw InputError(
            fmt::format("{} layer numbers do not fit the {} layers of the file. Give one for each",
                        numbers.size(), count));
    if (std::set<int32_t>(numbers.begin(), numbers.end()).size() != numbers.size() ||
        std::ranges::any_of(numbers, [](int32_t l) { return l < 0; }))
        throw InputError(fmt::format("layer numbers {} are negative or not distinct. Correct them",
                                     fmt::join(numbers, ", ")));
    return numbers;
}

int64_t number_in_name(std::filesystem::path const& file) {
    auto const name = file.filename().string();
    auto const last = name.find_last_of("0123456789", name.rfind('.'));
    if (last == std::string::npos) return -1;
    auto const before = name.find_last_not_of("0123456789", last);
    auto const first = before == std::string::npos ? 0 : before + 1;
    int64_t number = -1;
    std::from_chars(name.data() + first, name.data() + last + 1, number);
    return number;
}

}  // namespace epsim
