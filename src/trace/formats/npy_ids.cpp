// .npy of NumPy: expert ids [layers, tokens, top_k] or [tokens, top_k], with gate weights and
// sequence lengths in other files.

#include <fmt/format.h>

#include "core/error.hpp"
#include "trace/formats/readers.hpp"
#include "trace/npy_source.hpp"

namespace epsim {

std::string is_npy_ids(FileContent const& file) {
    if (file.container != FileContent::Container::npy) return {};
    auto const& shape = file.array->shape();
    if (file.array->kind() != TypedArray::Kind::integer || shape.size() < 2 || shape.size() > 3)
        return {};
    auto const look = look_at_rows(*file.array);
    if (!look.distinct || look.least < -1 || look.most > 65535 || look.zero_or_one) return {};
    return fmt::format("integers {}, in the last axis distinct", shape_text(shape));
}

Recording read_npy_ids(ImportRequest const& request) {
    if (request.files.size() != 1)
        throw InputError(
            fmt::format("{} files of ids are given (--format npy takes one, [layers, tokens, "
                        "top_k] or [tokens, top_k]). Join them",
                        request.files.size()));
    if (request.weight_scale && !request.weights)
        throw InputError(
            "--weight-scale is given without --weights (there is nothing that it multiplies). Give "
            "the weights, or leave it out");
    if (request.first_layer && !request.layers.empty())
        throw InputError(
            "--layers and --first-layer are both given (either numbers the layers). Leave one out");
    return std::make_unique<NpySource>(NpyImport{.ids = request.files[0],
                                                 .weights = request.weights,
                                                 .weight_scale = request.weight_scale,
                                                 .seqlen = request.seqlen,
                                                 .num_experts = required_experts(request, "npy"),
                                                 .layers = request.layers,
                                                 .first_layer = request.first_layer.value_or(0)},
                                       request.text);
}

}  // namespace epsim
