#include "model/layer_choice.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "core/error.hpp"
#include "core/text.hpp"
#include "model/limits.hpp"

namespace epsim {
namespace {

[[noreturn]] void fail(std::string_view text) {
    throw InputError(fmt::format(
        "'{}' chooses no layers (\"all\", the first n as 4, or a list of distinct layer numbers as "
        "[1, 2, 26]). Correct model.layers",
        text));
}

int32_t layer_number(std::string_view piece, std::string_view text, int low) {
    if (piece.empty() || piece.size() > 6 ||
        piece.find_first_not_of("0123456789") != std::string_view::npos)
        fail(text);
    int const number = std::stoi(std::string(piece));
    if (number < low || number > max_layers) fail(text);
    return number;
}

}  // namespace

LayerChoice LayerChoice::from(std::string_view text) {
    if (text == "all") return {};
    if (!text.starts_with('[')) return {.first = layer_number(text, text, 1), .numbers = {}};
    if (!text.ends_with(']') || text.size() < 2) fail(text);
    LayerChoice choice;
    for (auto const& piece : split(text.substr(1, text.size() - 2), ','))
        choice.numbers.push_back(layer_number(piece, text, 0));
    auto sorted = choice.numbers;
    std::ranges::sort(sorted);
    if (sorted.empty() || std::ranges::adjacent_find(sorted) != sorted.end()) fail(text);
    return choice;
}

std::string LayerChoice::text() const {
    if (!numbers.empty()) return fmt::format("[{}]", fmt::join(numbers, ", "));
    return first == 0 ? "all" : std::to_string(first);
}

std::vector<LayerId> LayerChoice::pick(std::span<int32_t const> available) const {
    std::vector<LayerId> positions;
    auto const count = static_cast<int>(available.size());
    if (first > count)
        throw InputError(fmt::format(
            "model.layers = {} exceeds the {} layers that are routed (there are no more). Lower it",
            first, count));
    if (numbers.empty()) {
        for (int i = 0; i < (first == 0 ? count : first); ++i) positions.push_back(LayerId{i});
        return positions;
    }
    for (int32_t number : numbers) {
        auto const found = std::ranges::find(available, number);
        if (found == available.end())
            throw InputError(fmt::format(
                "layer {} of model.layers is not routed (there are: {}). Choose among these",
                number, fmt::join(available, ", ")));
        positions.push_back(LayerId{static_cast<int32_t>(found - available.begin())});
    }
    return positions;
}

}  // namespace epsim
