#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "trace/routing.hpp"

namespace epsim {

/// What is written, and what a trace does not say.
struct ExportRequest {
    std::filesystem::path output;  ///< the file, or a folder that exists
    int ranks = 1;                 ///< megatron-tokens-per-expert, byte-matrix: that share experts
    int64_t row_bytes = 1;         ///< byte-matrix: of a token and expert
};

/// A format that traces are written in. What it cannot hold is lost: see `keeps`.
struct ExportFormat {
    std::string_view name, keeps;
    bool folder;  ///< of several files
    std::string_view options;
    void (*write)(RoutingSource const&, ExportRequest const&);
};

std::span<ExportFormat const> export_formats();

// One writer a format; the readers of the same names say what the files are. Layers that a format
// numbers from 0 on and the trace lacks are written as the format's dense layers are.
// \throws InputError if the trace does not fit the format, Error if the disk is full

void write_npz(RoutingSource const& source, ExportRequest const& request);
void write_vllm(RoutingSource const& source, ExportRequest const& request);
void write_megatron_router_trace(RoutingSource const& source, ExportRequest const& request);
void write_megatron_tokens_per_expert(RoutingSource const& source, ExportRequest const& request);
void write_trtllm_tokens(RoutingSource const& source, ExportRequest const& request);
void write_trtllm_statistics(RoutingSource const& source, ExportRequest const& request);
void write_trtllm_calibration(RoutingSource const& source, ExportRequest const& request);
void write_sglang_counts(RoutingSource const& source, ExportRequest const& request);
/// Rows of each pair of ranks x row_bytes, summed over layers and steps. Experts are contiguous
/// over the ranks; so are sources, or, of a trace with one source, the tokens of each step.
void write_byte_matrix(RoutingSource const& source, ExportRequest const& request);

}  // namespace epsim
