// transformers, output_router_logits (huggingface.co/docs/transformers, MoeModelOutputWithPast):
// reals [tokens, E] a layer, saved as .npy (one file a layer, its number the last in its name; or
// one file [layers, tokens, E]) or as tensors of .safetensors (their numbers the last in the
// names). Any gate makes routing of them.

#include <fmt/format.h>

#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/formats/safetensors.hpp"
#include "trace/limits.hpp"
#include "trace/npy_array.hpp"

namespace epsim {
namespace {

/// Layer's number -> array [tokens, E].
using Layers = std::map<int64_t, TypedArray>;

void add(Layers& layers, int64_t number, TypedArray array, std::filesystem::path const& path) {
    if (array.kind() != TypedArray::Kind::real || array.shape().size() != 2 ||
        array.shape()[1] < 1 || array.shape()[1] > most_experts)
        refuse_import(path, fmt::format("{} is {}, not reals [tokens, experts]", array.name(),
                                        shape_text(array.shape())));
    if (number < 0 || number > INT32_MAX || !layers.emplace(number, std::move(array)).second)
        refuse_import(path, fmt::format("two arrays are of layer {}, or it has no number", number));
}

RecordedLogits checked(Layers& layers, std::filesystem::path const& path) {
    RecordedLogits recorded;
    for (auto& [number, array] : layers) {
        if (array.shape() != layers.begin()->second.shape())
            refuse_import(path,
                          fmt::format("layer {} is {}, layer {} is {} (they route the same "
                                      "tokens)",
                                      number, shape_text(array.shape()), layers.begin()->first,
                                      shape_text(layers.begin()->second.shape())));
        recorded.layer.push_back(static_cast<int32_t>(number));
        recorded.logits.push_back(array);
    }
    if (recorded.layer.empty()) refuse_import(path, "it holds no logits");
    return recorded;
}

RecordedLogits layers_of(NpyArray const& array, ImportRequest const& request) {
    auto const& shape = array.shape();
    if (array.kind() != TypedArray::Kind::real || shape[2] > most_experts)
        refuse_import(request.files[0], "it is not of reals [layers, tokens, experts]");
    RecordedLogits recorded{layer_numbers(request, shape[0]), {}};
    for (int64_t l = 0; l < shape[0]; ++l) recorded.logits.push_back(array.slice(l));
    return recorded;
}

}  // namespace

std::string is_router_logits(FileContent const& file) {
    if (file.container == FileContent::Container::npy) {
        auto const& shape = file.array->shape();
        bool const fits = file.array->kind() == TypedArray::Kind::real &&
                          (shape.size() == 3 || (shape.size() == 2 && shape[0] != shape[1]));
        return fits ? fmt::format("reals {}", shape_text(shape)) : "";
    }
    if (file.container != FileContent::Container::safetensors || file.names.empty()) return {};
    for (auto const& [name, tensor] : file.shape)
        if (tensor.size() != 2 || name.find_first_of("0123456789") == std::string::npos ||
            name.find("router") == std::string::npos)
            return {};
    return "safetensors of matrices whose names speak of routers";
}

Recording read_router_logits(ImportRequest const& request) {
    Layers layers;
    for (auto const& path : request.files) {
        bool const npy = look_into(path).container == FileContent::Container::npy;
        if (npy && NpyArray(path).shape().size() == 3) {
            if (request.files.size() == 1) return layers_of(NpyArray(path), request);
            refuse_import(path, "it holds several layers, and there are other files");
        }
        if (npy) {
            bool const one = request.files.size() == 1 && number_in_name(path) < 0;
            add(layers, one ? request.first_layer.value_or(0) : number_in_name(path),
                NpyArray(path), path);
            continue;
        }
        for (auto const& [name, tensor] : read_safetensors(path))
            add(layers, number_in_name(name + "."), tensor, path);
    }
    return checked(layers, request.files[0]);
}

}  // namespace epsim
