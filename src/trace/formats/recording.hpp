#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "trace/import_text.hpp"
#include "trace/routing.hpp"
#include "trace/routing_counts.hpp"
#include "trace/slot_map.hpp"
#include "trace/typed_array.hpp"

namespace epsim {

/// A router's outputs: of each layer an array of reals [T, E].
struct RecordedLogits {
    std::vector<int32_t> layer;  ///< [L] the model's layer numbers
    std::vector<TypedArray> logits;
};

/// What a file turned out to hold.
using Recording =
    std::variant<std::unique_ptr<RoutingSource const>, RoutingCounts, SlotMap, RecordedLogits>;

/// What is to be imported, and what its files don't say.
struct ImportRequest {
    std::vector<std::filesystem::path> files;
    std::optional<int> num_experts, top_k;
    std::vector<int32_t> layers;  ///< the model's numbers of the layers that the file holds
    std::optional<int32_t> first_layer;
    std::optional<std::filesystem::path> weights, seqlen;
    std::optional<double> weight_scale;
    std::optional<std::filesystem::path> placement;  ///< that physical ids were recorded under
    ImportText text;
};

/// Of a recording of tokens. \throws InputError unless the request says the number of experts
TraceInfo recorded_info(ImportRequest const& request, std::string const& format);
/// The experts of a layer. \throws InputError unless the request says them
int required_experts(ImportRequest const& request, std::string const& format);
/// Numbers of `count` layers: those of the request, or first_layer on (0 if not given).
/// \throws InputError if they don't fit
std::vector<int32_t> layer_numbers(ImportRequest const& request, int64_t count);
/// The number that a file's name ends with ("rank3.jsonl" is 3); -1 if it has none
int64_t number_in_name(std::filesystem::path const& file);

}  // namespace epsim
