#include "trace/stored_routing.hpp"

#include "core/error.hpp"
#include "trace/limits.hpp"

namespace epsim {

StoredRouting::StoredRouting(TraceInfo info, std::vector<RoutingBatch> layers,
                             std::map<TokenColumn, std::vector<int32_t>> columns)
    : info_(std::move(info)), layers_(std::move(layers)), columns_(std::move(columns)) {
    check_sizes(info_.num_experts, info_.top_k);
    check(layers_.size() == info_.layer.size(), "every layer has its routing");
    info_.columns.clear();
    for (auto const& [which, values] : columns_) {
        check(static_cast<int64_t>(values.size()) == info_.tokens(), "every token has its columns");
        info_.columns.push_back(which);
    }
    for (std::size_t l = 0; l < layers_.size(); ++l) {
        auto& batch = layers_[l];
        auto const entries = static_cast<std::size_t>(info_.tokens() * info_.top_k);
        if (batch.weight.empty())
            batch.weight.assign(entries, 1.0f / static_cast<float>(info_.top_k));
        check(batch.top_k == info_.top_k && batch.expert.size() == entries &&
                  batch.weight.size() == entries,
              "a layer routes every token");
        check_batch(batch, info_.num_experts, info_.layer[l], 0);
    }
}

int64_t StoredRouting::first_of(StepId step) const {
    return info_.step_offset.at(static_cast<std::size_t>(index(step)));
}

RoutingBatch StoredRouting::read(StepId step, LayerId layer, TokenRange range) const {
    check_range(info_, step, layer, range);
    auto const& all = layers_[static_cast<std::size_t>(index(layer))];
    auto const begin = (first_of(step) + range.begin) * info_.top_k;
    auto const end = (first_of(step) + range.end) * info_.top_k;
    return {info_.top_k,
            {all.expert.begin() + begin, all.expert.begin() + end},
            {all.weight.begin() + begin, all.weight.begin() + end}};
}

std::vector<int32_t> StoredRouting::column(TokenColumn which, StepId step, TokenRange range) const {
    check_range(info_, step, LayerId{0}, range);
    auto const found = columns_.find(which);
    check(found != columns_.end(), "the source has the column");
    auto const first = found->second.begin() + first_of(step);
    return {first + range.begin, first + range.end};
}

}  // namespace epsim
