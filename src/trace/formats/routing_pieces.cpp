#include "trace/formats/routing_pieces.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "trace/limits.hpp"
#include "trace/stored_routing.hpp"

namespace epsim {
namespace {

void require_number(int64_t value, int64_t end, char const* what) {
    if (value < 0 || value >= end)
        throw InputError(fmt::format(
            "{} {} is out of range (they are from 0 to {}). Check the file", what, value, end - 1));
}

/// Append with k columns, none where the piece has fewer.
void append(RoutingBatch& all, RoutingBatch const& piece, bool weights) {
    for (int64_t t = 0; t < piece.tokens(); ++t)
        for (int j = 0; j < all.top_k; ++j) {
            auto const at = static_cast<std::size_t>(t * piece.top_k + j);
            bool const there = j < piece.top_k;
            all.expert.push_back(there ? piece.expert[at] : no_expert);
            if (weights) all.weight.push_back(there ? piece.weight[at] : 0);
        }
}

/// Places up to the last that any token fills.
int filled(RoutingBatch const& piece) {
    int most = 0;
    for (std::size_t i = 0; i < piece.expert.size(); ++i)
        if (piece.expert[i] != no_expert)
            most = std::max(most, static_cast<int>(i % static_cast<std::size_t>(piece.top_k)) + 1);
    return most;
}

void require_no_more(RoutingBatch const& piece, int top_k, int64_t layer) {
    for (std::size_t i = 0; i < piece.expert.size(); ++i)
        if (static_cast<int>(i % static_cast<std::size_t>(piece.top_k)) >= top_k &&
            piece.expert[i] != no_expert)
            throw InputError(
                fmt::format("a token of layer {} has over {} experts (that is top_k). "
                            "Correct --top-k",
                            layer, top_k));
}

RoutingBatch narrowed(RoutingBatch const& piece, int top_k, int64_t layer) {
    if (piece.top_k <= top_k) return piece;
    require_no_more(piece, top_k, layer);
    RoutingBatch narrow{top_k, {}, {}};
    for (std::size_t i = 0; i < piece.expert.size(); ++i)
        if (static_cast<int>(i % static_cast<std::size_t>(piece.top_k)) < top_k) {
            narrow.expert.push_back(piece.expert[i]);
            if (!piece.weight.empty()) narrow.weight.push_back(piece.weight[i]);
        }
    return narrow;
}

}  // namespace

void RoutingPieces::add(int64_t step, int64_t source, int64_t layer, RoutingBatch piece) {
    require_number(source, most_sources, "source rank");
    require_number(layer, INT32_MAX, "layer");
    if (piece.top_k > most_experts)
        throw InputError(
            fmt::format("a token has {} experts (there are {} at most). Check the file",
                        piece.top_k, most_experts));
    auto& all = layers_[layer][{step, source}];
    if (all.expert.empty()) {
        all = std::move(piece);
    } else if (!piece.expert.empty()) {
        if (piece.top_k != all.top_k || piece.weight.empty() != all.weight.empty())
            throw InputError(
                fmt::format("the tokens of step {}, layer {} have {} and {} experts "
                            "each (they must be as many). Check the file",
                            step, layer, all.top_k, piece.top_k));
        all.expert.insert(all.expert.end(), piece.expert.begin(), piece.expert.end());
        all.weight.insert(all.weight.end(), piece.weight.begin(), piece.weight.end());
    }
}

void RoutingPieces::add_column(TokenColumn which, int64_t step, int64_t source,
                               std::vector<int32_t> const& values) {
    auto& all = columns_[which][{step, source}];
    all.insert(all.end(), values.begin(), values.end());
}

std::map<RoutingPieces::StepSource, int64_t> RoutingPieces::token_counts() const {
    std::map<StepSource, int64_t> tokens;
    for (auto const& [layer, pieces] : layers_)
        for (auto const& [key, piece] : pieces) {
            auto& n = tokens[key];
            if (n != 0 && piece.tokens() != 0 && n != piece.tokens())
                throw InputError(fmt::format(
                    "step {}, rank {}: layer {} has {} tokens, another has {} (all layers route "
                    "the same tokens). Check the file",
                    key.first, key.second, layer, piece.tokens(), n));
            n = std::max(n, piece.tokens());
        }
    return tokens;
}

RoutingBatch RoutingPieces::layer_batch(int64_t layer, std::map<StepSource, int64_t> const& tokens,
                                        int top_k, bool weights) const {
    RoutingBatch batch{top_k, {}, {}};
    auto const& pieces = layers_.at(layer);
    for (auto const& [key, n] : tokens) {
        auto const found = pieces.find(key);
        if (found != pieces.end() && found->second.tokens() > 0) {
            append(batch, narrowed(found->second, top_k, layer), weights);
        } else {
            auto const none = batch.expert.size() + static_cast<std::size_t>(n * top_k);
            batch.expert.resize(none, no_expert);
            if (weights) batch.weight.resize(none, 0);
        }
    }
    return batch;
}

std::unique_ptr<RoutingSource const> RoutingPieces::join(TraceInfo info, int top_k) const {
    auto const tokens = token_counts();
    if (layers_.empty()) throw InputError("there is no routing in the files. Check them");
    bool weights = true;
    std::size_t present = 0;
    int largest = 1;
    for (auto const& [layer, pieces] : layers_)
        for (auto const& [key, piece] : pieces) {
            largest = std::max(largest, filled(piece));
            present += piece.expert.size();
            if (!piece.expert.empty()) weights = weights && !piece.weight.empty();
        }
    info.top_k = top_k > 0 ? top_k : largest;
    info.has_weights = weights && present > 0;
    check_sizes(info.num_experts, info.top_k);

    int64_t last = tokens.begin()->first.first;
    info.step_offset = {0, 0};
    for (auto const& [key, n] : tokens) {
        if (key.first != last) info.step_offset.push_back(info.step_offset.back());
        last = key.first;
        info.step_offset.back() += n;
        info.source_count = std::max(info.source_count, static_cast<int>(key.second) + 1);
    }
    double const entries =
        static_cast<double>(info.tokens()) * info.top_k * static_cast<double>(layers_.size());
    if (entries > 64.0 * static_cast<double>(present) + 0x1p20 || layers_.size() > most_layers)
        throw InputError(
            fmt::format("{} choices are there of {} that {} layers would have (nearly "
                        "all are missing). Check the files",
                        present, entries, layers_.size()));

    std::map<TokenColumn, std::vector<int32_t>> columns;
    for (auto const& [which, values] : columns_) {
        auto& column = columns[which];
        for (auto const& [key, n] : tokens) {
            auto const found = values.find(key);
            if ((found == values.end() ? 0 : static_cast<int64_t>(found->second.size())) != n)
                throw InputError(
                    fmt::format("step {}, rank {} has {} tokens, but not as many ids "
                                "or positions. Check the file",
                                key.first, key.second, n));
            if (n > 0) column.insert(column.end(), found->second.begin(), found->second.end());
        }
    }
    if (info.source_count > 1) {
        auto& source = columns[TokenColumn::source_rank];
        for (auto const& [key, n] : tokens)
            source.resize(source.size() + static_cast<std::size_t>(n),
                          static_cast<int32_t>(key.second));
    }
    std::vector<RoutingBatch> batches;
    for (auto const& [layer, pieces] : layers_) {
        info.layer.push_back(static_cast<int32_t>(layer));
        batches.push_back(layer_batch(layer, tokens, info.top_k, info.has_weights));
    }
    return std::make_unique<StoredRouting>(std::move(info), std::move(batches), std::move(columns));
}

}  // namespace epsim
