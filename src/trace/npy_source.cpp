#include "trace/npy_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

std::vector<int32_t> layer_numbers(NpyImport const& files, int64_t count) {
    if (count > most_layers)
        throw InputError(
            fmt::format("{} holds {} layers (there are {} at most). Check its shape, "
                        "[layers, tokens, top_k]",
                        files.ids.string(), count, most_layers));
    auto numbers = files.layers;
    if (numbers.empty())
        for (int64_t l = 0; l < count && files.first_layer <= INT32_MAX - l; ++l)
            numbers.push_back(files.first_layer + static_cast<int32_t>(l));
    if (static_cast<int64_t>(numbers.size()) != count)
        throw InputError(
            fmt::format("{} layer numbers do not fit the {} layers of {}. Give one "
                        "for each",
                        numbers.size(), count, files.ids.string()));
    if (std::ranges::min(numbers) < 0 ||
        std::set<int32_t>(numbers.begin(), numbers.end()).size() != numbers.size())
        throw InputError(fmt::format("layer numbers {} are negative or not distinct. Correct them",
                                     fmt::join(numbers, ", ")));
    return numbers;
}

std::vector<int64_t> sequence_borders(std::filesystem::path const& path, int64_t tokens) {
    NpyArray const lengths(path);
    if (lengths.kind() != NpyArray::Kind::integer || lengths.shape().size() != 1)
        throw InputError(
            fmt::format("{} has shape [{}] (sequence lengths are a row of integers). "
                        "Correct it",
                        lengths.name(), fmt::join(lengths.shape(), ", ")));
    std::vector<int64_t> border{0};
    for (auto const n : lengths.integers(0, lengths.size())) {
        if (n < 1 || n > tokens - border.back())
            throw InputError(
                fmt::format("sequence {} of {} has {} tokens ({} of {} tokens are left). The "
                            "lengths must sum to the tokens of the ids",
                            border.size() - 1, lengths.name(), n, tokens - border.back(), tokens));
        border.push_back(border.back() + n);
    }
    if (border.back() != tokens)
        throw InputError(
            fmt::format("the lengths in {} sum to {} (the ids have {} tokens). They "
                        "must agree",
                        lengths.name(), border.back(), tokens));
    return border;
}

}  // namespace

NpySource::NpySource(NpyImport const& files, ImportText text) : ids_(files.ids) {
    auto shape = ids_.shape();
    if (shape.size() == 2) shape.insert(shape.begin(), 1);
    if (ids_.kind() != NpyArray::Kind::integer || shape.size() != 3)
        throw InputError(
            fmt::format("{} has shape [{}] (expert ids are integers [layers, tokens, "
                        "top_k] or [tokens, top_k]). Correct it",
                        ids_.name(), fmt::join(ids_.shape(), ", ")));
    check_sizes(files.num_experts, shape[2]);
    if (files.weights) {
        weights_.emplace(*files.weights);
        if (weights_->shape() != ids_.shape())
            throw InputError(fmt::format("{} has shape [{}] (that of {} is [{}]). They must agree",
                                         weights_->name(), fmt::join(weights_->shape(), ", "),
                                         ids_.name(), fmt::join(ids_.shape(), ", ")));
        if (weights_->kind() == NpyArray::Kind::integer && !files.weight_scale)
            throw InputError(
                fmt::format("{} holds integers (as weights they need a factor). Give "
                            "--weight-scale",
                            weights_->name()));
    }
    weight_scale_ = files.weight_scale.value_or(1);

    info_.num_experts = files.num_experts;
    info_.top_k = static_cast<int>(shape[2]);
    info_.origin = "recorded";
    info_.producer = std::move(text.producer);
    info_.source = std::move(text.source);
    info_.model = std::move(text.model);
    info_.has_weights = weights_.has_value();
    info_.layer = layer_numbers(files, shape[0]);
    info_.step_offset = {0, shape[1]};
    if (files.seqlen) info_.sequence_offset = sequence_borders(*files.seqlen, shape[1]);
}

RoutingBatch NpySource::read(StepId step, LayerId layer, TokenRange range) const {
    check_range(info_, step, layer, range);
    auto const l = static_cast<std::size_t>(index(layer));
    int64_t const first = (index(layer) * info_.tokens() + range.begin) * info_.top_k;
    int64_t const n = range.size() * info_.top_k;
    RoutingBatch batch{info_.top_k, {}, {}};
    batch.expert.reserve(static_cast<std::size_t>(n));
    for (int64_t const id : ids_.integers(first, n))  // one that is out of range stays so
        batch.expert.push_back(
            ExpertId{static_cast<int32_t>(std::clamp<int64_t>(id, INT32_MIN, INT32_MAX))});
    if (weights_) {
        batch.weight.reserve(static_cast<std::size_t>(n));
        for (double const w : weights_->reals(first, n))
            batch.weight.push_back(static_cast<float>(w * weight_scale_));
    } else {
        batch.weight.assign(static_cast<std::size_t>(n), 1.0f / static_cast<float>(info_.top_k));
    }
    check_batch(batch, info_.num_experts, info_.layer[l], range.begin);
    return batch;
}

std::vector<int32_t> NpySource::column(TokenColumn, StepId, TokenRange) const {
    check(false, "the source has the column");
    return {};
}

}  // namespace epsim
