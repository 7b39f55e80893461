#include "trace/formats/slot_files.hpp"

#include <algorithm>

#include "trace/formats/formats.hpp"
#include "trace/formats/refuse.hpp"

namespace epsim {

SlotMap read_slot_map(std::filesystem::path const& file, std::optional<int> num_experts) {
    auto const found = recognise({file}, "");
    ImportRequest request;
    request.files = {file};
    request.num_experts = num_experts;
    if (found.format->holds != Holds::placement)
        refuse_import(file, "as a placement: it looks like " + std::string(found.format->name));
    return std::get<SlotMap>(found.format->read(request));
}

SlotMap slot_map_of(TypedArray const& array, int num_experts, std::filesystem::path const& file) {
    if (array.kind() != TypedArray::Kind::integer || array.shape().size() != 2)
        refuse_import(file, "its map of slots is not of integers [layers, slots]");
    std::map<int32_t, std::vector<ExpertId>> expert;
    auto const slots = array.shape()[1];
    for (int64_t l = 0; l < array.shape()[0]; ++l)
        for (auto const e : array.integers(l * slots, slots))
            expert[static_cast<int32_t>(l)].push_back(
                ExpertId{static_cast<int32_t>(std::clamp<int64_t>(e, INT32_MIN, INT32_MAX))});
    return make_slot_map(std::move(expert), num_experts, 0);
}

}  // namespace epsim
