// SGLang, --expert-distribution-recorder-mode stat (github.com/sgl-project/sglang,
// python/sglang/srt/eplb/expert_distribution.py, _StatAccumulator): torch.save of {rank,
// logical_count int32 [buffered steps, layers, E], ..}, summed over ranks. Rows of the ring buffer
// that were not used and dense layers are all 0.

#include <fmt/format.h>

#include "trace/formats/count_pieces.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/formats/torch_file.hpp"
#include "trace/limits.hpp"

namespace epsim {

std::string is_sglang_stat(FileContent const& file) {
    if (file.container != FileContent::Container::torch || !file.has("logical_count")) return {};
    return "a torch file with logical_count";
}

Recording read_sglang_stat(ImportRequest const& request) {
    if (request.files.size() != 1)
        refuse_import(request.files[1], "one file holds the counts of all ranks");
    TorchFile const file(request.files[0]);
    auto const counts = file.tensor(file.require(file.root(), "logical_count"), "logical_count");
    auto const& shape = counts.shape();
    if (counts.kind() != TypedArray::Kind::integer || shape.size() != 3 || shape[2] < 1 ||
        shape[2] > most_experts)
        refuse_import(file.path(), fmt::format("its logical_count is {}, not integers [steps, "
                                               "layers, experts]",
                                               shape_text(shape)));
    CountPieces pieces(static_cast<int>(shape[2]));
    for (int64_t s = 0; s < shape[0]; ++s)
        for (int64_t l = 0; l < shape[1]; ++l)
            pieces.add(s, 0, l, counts.integers((s * shape[1] + l) * shape[2], shape[2]));
    return pieces.join();
}

}  // namespace epsim
