#include "app/placement_forms.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "core/cast.hpp"
#include "store/sealed_file.hpp"
#include "trace/formats/formats.hpp"
#include "trace/formats/slot_files.hpp"

namespace epsim {
namespace {

struct Form {
    std::string_view name;
    void (*write)(SlotMap const&, std::filesystem::path const&);
};
constexpr std::array forms{Form{"sglang-placement", write_sglang_placement},
                           Form{"trtllm-eplb", write_trtllm_eplb},
                           Form{"omni-placement", write_omni_placement}};

/// \throws InputError where a form would leave out how many slots each rank has
SlotMap slot_map_of(NamedPlacement const& named) {
    auto const& p = named.placement;
    auto const offset = p.rank_slot_offset();
    for (std::size_t r = 1; r < offset.size(); ++r)
        if (offset[r] - offset[r - 1] != offset[1])
            throw InputError(
                fmt::format("rank {} has {} slots and rank 0 has {} (other systems give all as "
                            "many). Make a placement with --slots a multiple of the {} ranks",
                            r - 1, offset[r] - offset[r - 1], offset[1], p.ranks()));
    std::map<int32_t, std::vector<ExpertId>> expert;
    for (int l = 0; l < p.layers(); ++l) {
        auto const slots = p.slot_expert(LayerId{l});
        expert[named.layer[static_cast<std::size_t>(l)]].assign(slots.begin(), slots.end());
    }
    return make_slot_map(std::move(expert), p.num_experts(), p.ranks());
}

}  // namespace

NamedPlacement import_placement(ImportRequest const& request, int ranks) {
    auto const& path = request.files.at(0);
    auto const found = recognise({path}, "");
    if (found.format->holds != Holds::placement)
        throw InputError(fmt::format("{} is no placement (it looks like {}: {}). Give a placement",
                                     path.string(), found.format->name, found.evidence));
    if (request.first_layer && found.format->options.find("first-layer") == std::string_view::npos)
        throw InputError(
            fmt::format("--first-layer does not apply to {} (it numbers its layers). "
                        "Leave it out",
                        path.string()));
    auto const map = std::get<SlotMap>(found.format->read(request));
    if (map.ranks > 0 && ranks > 0 && map.ranks != ranks)
        throw InputError(fmt::format("--ranks {} contradicts {} (it is for {}). Leave it out",
                                     ranks, path.string(), map.ranks));
    if (map.ranks > 0) ranks = map.ranks;
    auto const slots = std::ssize(map.expert.begin()->second);
    if (ranks < 1 || slots % ranks != 0)
        throw InputError(fmt::format(
            "{} has {} slots a layer and does not say how many ranks share them. Give --ranks, a "
            "divisor",
            path.string(), slots));
    std::vector<int32_t> numbers;
    std::vector<std::vector<ExpertId>> experts;
    for (auto const& [layer, slot_expert] : map.expert) {
        numbers.push_back(layer);
        experts.push_back(slot_expert);
    }
    return {{0, map.num_experts, even_slots(ranks, narrow<int>(slots)), std::move(experts)},
            std::move(numbers),
            "",
            std::string(found.format->name)};
}

void export_placement(NamedPlacement const& named, std::string const& form,
                      std::filesystem::path const& path) {
    auto const known = std::ranges::find(forms, form, &Form::name);
    if (known == forms.end())
        throw InputError(fmt::format("--form {} is unknown (it says what to write). Use one of {}",
                                     form,
                                     fmt::join(forms | std::views::transform(&Form::name), ", ")));
    auto const map = slot_map_of(named);
    SealedFile sealed(path);
    known->write(map, sealed.temporary());
    sealed.seal();
}

}  // namespace epsim
