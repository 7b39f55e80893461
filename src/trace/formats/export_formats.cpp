#include <array>

#include "trace/formats/export.hpp"

namespace epsim {
namespace {

constexpr std::array formats{
    ExportFormat{"npz", "everything", false, "", write_npz},
    ExportFormat{"vllm", "ids, layers, sequences", false, "", write_vllm},
    ExportFormat{"megatron-router-trace", "ids, layers, steps, sources", true, "",
                 write_megatron_router_trace},
    ExportFormat{"trtllm-tokens", "ids, layers, steps, sources", true, "", write_trtllm_tokens},
    ExportFormat{"trtllm-calibration", "ids, layers, steps, sources", false, "",
                 write_trtllm_calibration},
    ExportFormat{"trtllm-statistics", "counts by step, source, layer", true, "",
                 write_trtllm_statistics},
    ExportFormat{"megatron-tokens-per-expert", "counts by step, layer", true, "ranks",
                 write_megatron_tokens_per_expert},
    ExportFormat{"sglang-counts", "counts by step, layer", false, "", write_sglang_counts},
    ExportFormat{"byte-matrix", "bytes from rank to rank", false, "ranks row-bytes",
                 write_byte_matrix}};

}  // namespace

std::span<ExportFormat const> export_formats() {
    return formats;
}

}  // namespace epsim
