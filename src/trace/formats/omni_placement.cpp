// omni-infer (github.com/omni-ai-npu/omni-infer, omni/accelerators/placement/patterns): .npy of
// integers [ranks, layers, E], 1 where a rank holds an expert. Slots of a rank are numbered by
// expert; a rank with fewer experts than others has empty slots.

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "trace/formats/export_pieces.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/formats/slot_files.hpp"
#include "trace/limits.hpp"
#include "trace/npy_array.hpp"

namespace epsim {

std::string is_omni_placement(FileContent const& file) {
    if (file.container != FileContent::Container::npy || file.array->shape().size() != 3 ||
        file.array->kind() != TypedArray::Kind::integer || !look_at_rows(*file.array).zero_or_one)
        return {};
    return fmt::format("zeros and ones {}: which rank holds which expert of a layer",
                       shape_text(file.array->shape()));
}

Recording read_omni_placement(ImportRequest const& request) {
    if (request.files.size() != 1) refuse_import(request.files[1], "one file is one placement");
    auto const& path = request.files[0];
    NpyArray const array(path);
    auto const& shape = array.shape();
    if (array.kind() != TypedArray::Kind::integer || shape.size() != 3 || shape[2] > most_experts ||
        shape[0] > most_sources)
        refuse_import(path, "it is not of integers [ranks, layers, experts]");
    auto const numbers = layer_numbers(request, shape[1]);
    std::vector<std::vector<std::vector<ExpertId>>> held;  // [ranks][layers]
    std::size_t most = 0;
    for (int64_t r = 0; r < shape[0]; ++r) {
        auto& of_rank = held.emplace_back();
        for (int64_t l = 0; l < shape[1]; ++l) {
            auto const row = array.integers((r * shape[1] + l) * shape[2], shape[2]);
            auto& experts = of_rank.emplace_back();
            for (std::size_t e = 0; e < row.size(); ++e) {
                if (row[e] < 0 || row[e] > 1)
                    refuse_import(path,
                                  fmt::format("rank {} holds expert {} {} times", r, e, row[e]));
                if (row[e]) experts.push_back(ExpertId{static_cast<int32_t>(e)});
            }
            most = std::max(most, experts.size());
        }
    }
    std::map<int32_t, std::vector<ExpertId>> expert;
    for (auto& of_rank : held)
        for (std::size_t l = 0; l < of_rank.size(); ++l) {
            of_rank[l].resize(most, no_expert);
            auto& slots = expert[numbers[l]];
            slots.insert(slots.end(), of_rank[l].begin(), of_rank[l].end());
        }
    return make_slot_map(std::move(expert), static_cast<int>(shape[2]), static_cast<int>(shape[0]));
}

void write_omni_placement(SlotMap const& map, std::filesystem::path const& file) {
    check(map.ranks > 0, "a placement of ranks");
    auto const slots = map.expert.begin()->second.size() / static_cast<std::size_t>(map.ranks);
    auto out = create_file(file);
    out << npy_head("<i4", {map.ranks, std::ssize(map.expert), map.num_experts});
    for (std::size_t r = 0; r < static_cast<std::size_t>(map.ranks); ++r)
        for (auto const& [layer, experts] : map.expert) {
            std::vector<int32_t> held(static_cast<std::size_t>(map.num_experts));
            for (auto const e : std::span(experts).subspan(r * slots, slots))
                if (e != no_expert && held[static_cast<std::size_t>(index(e))]++ > 0)
                    throw InputError(fmt::format(
                        "rank {} holds expert {} of layer {} twice (omni-infer's .npy says which, "
                        "not how often). Make the placement without --twins",
                        r, index(e), layer));
            out.write(reinterpret_cast<char const*>(held.data()),
                      static_cast<std::streamsize>(held.size() * sizeof(int32_t)));
        }
    finish_file(out, file);
}

}  // namespace epsim
