#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.hpp"

namespace epsim {

/// Who was routed where, for T tokens of one layer.
struct RoutingBatch {
    int top_k = 0;
    std::vector<ExpertId> expert;  ///< [T, top_k]; no_expert (-1) = none
    std::vector<float> weight;  ///< [T, top_k] gate weights; 1 / top_k each if none were recorded

    int64_t tokens() const noexcept {
        return top_k == 0 ? 0 : static_cast<int64_t>(expert.size()) / top_k;
    }
    bool operator==(RoutingBatch const&) const = default;
};

/// Half-open range of tokens, counted from the start of their step.
struct TokenRange {
    int64_t begin = 0, end = 0;
    int64_t size() const noexcept { return end - begin; }
    bool operator==(TokenRange const&) const = default;
};

/// A number that a trace may record for every token.
enum class TokenColumn { source_rank, token_id, position, is_decode };

/// What a routing source says of itself.
struct TraceInfo {
    int num_experts = 0;
    int top_k = 0;
    int source_count = 1;  ///< ranks or streams that the tokens came from
    std::string origin =
        "synthetic";  ///< recorded | synthetic | synthesised-from-counts | reshaped
    std::string producer, source, model;
    bool has_weights = false;
    std::vector<TokenColumn> columns;  ///< those that exist
    std::vector<int32_t> layer;        ///< [L] the model's layer numbers
    std::vector<int64_t> step_offset;  ///< [S + 1] first token of each step
    std::vector<int64_t>
        sequence_offset;  ///< [Q + 1] first token of each sequence; empty = unknown

    int64_t steps() const noexcept { return static_cast<int64_t>(step_offset.size()) - 1; }
    int64_t tokens() const noexcept { return step_offset.back(); }
    int64_t tokens_of(StepId s) const noexcept {
        auto const i = static_cast<std::size_t>(index(s));
        return step_offset[i + 1] - step_offset[i];
    }
    bool has(TokenColumn column) const noexcept {
        for (auto c : columns)
            if (c == column) return true;
        return false;
    }
    bool operator==(TraceInfo const&) const = default;
};

/// Recorded or synthetic routing, read piece by piece: never all of it at once.
/// The same (step, layer, range) gives the same batch, on any rank, in any order.
class RoutingSource {
public:
    virtual ~RoutingSource() = default;
    virtual TraceInfo const& info() const = 0;
    /// \param layer position in info().layer. \throws InputError on ids out of range in the data
    virtual RoutingBatch read(StepId step, LayerId layer, TokenRange range) const = 0;
    /// [range.size()] values of a column that info() lists. \throws Error if it does not
    virtual std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const = 0;
};

}  // namespace epsim
