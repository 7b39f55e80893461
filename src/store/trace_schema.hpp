#pragma once

#include <array>
#include <string_view>

#include "store/hdf5.hpp"
#include "trace/routing.hpp"

namespace epsim {

inline constexpr char const* trace_schema = "epsim-trace";
inline constexpr std::array<int32_t, 3> trace_schema_version{1, 0, 0};

/// Every dataset that a trace may have, in the order in which its SHA-256 takes them.
inline constexpr std::array<char const*, 12> trace_datasets{
    "layer",           "step_offset",
    "topk_ids",        "topk_weights",
    "source_rank",     "token_id",
    "position",        "is_decode",
    "sequence_offset", "physical_to_logical",
    "expert_counts",   "source_expert_counts"};

inline constexpr std::array<TokenColumn, 4> token_columns{
    TokenColumn::source_rank, TokenColumn::token_id, TokenColumn::position, TokenColumn::is_decode};

constexpr char const* name_of(TokenColumn column) noexcept {
    constexpr std::array names{"source_rank", "token_id", "position", "is_decode"};
    return names[static_cast<std::size_t>(column)];
}

/// Check that ids lie in [-1, num_experts) and that no token has one twice.
/// \param layer the model's layer number, \param first_token number of the first token in its trace
/// \throws FileError naming layer, token and id
void require_valid_ids(RoutingBatch const& batch, int num_experts, int32_t layer,
                       int64_t first_token);

/// \throws FileError naming layer and token of a weight that is NaN or infinite
void require_finite_weights(RoutingBatch const& batch, int32_t layer, int64_t first_token);

/// SHA-256 of the bytes of a file's trace datasets: those that exist, in the order above, each in C
/// order, little-endian, in its stored type. Reads everything, in pieces. \throws FileError
std::string trace_sha256(hid_t file);

}  // namespace epsim
