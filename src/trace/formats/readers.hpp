#pragma once

#include <string>

#include "trace/formats/file_content.hpp"
#include "trace/formats/recording.hpp"

namespace epsim {

// One pair a format, each in a file of its own, which names the system and where it writes such
// files. is_*: why a file is one of the format; empty if it is none. read_*: what the files hold.
// \throws InputError, "problem (reason). What to do"

std::string is_npz(FileContent const& file);
Recording read_npz(ImportRequest const& request);
std::string is_npy_ids(FileContent const& file);
Recording read_npy_ids(ImportRequest const& request);
std::string is_esft(FileContent const& file);
Recording read_esft(ImportRequest const& request);
std::string is_vllm(FileContent const& file);
Recording read_vllm(ImportRequest const& request);
std::string is_sglang_per_token(FileContent const& file);
Recording read_sglang_per_token(ImportRequest const& request);
std::string is_sglang_stat(FileContent const& file);
Recording read_sglang_stat(ImportRequest const& request);
std::string is_sglang_counts(FileContent const& file);
Recording read_sglang_counts(ImportRequest const& request);
std::string is_sglang_placement(FileContent const& file);
Recording read_sglang_placement(ImportRequest const& request);
std::string is_trtllm_tokens(FileContent const& file);
Recording read_trtllm_tokens(ImportRequest const& request);
std::string is_trtllm_statistics(FileContent const& file);
Recording read_trtllm_statistics(ImportRequest const& request);
std::string is_trtllm_calibration(FileContent const& file);
Recording read_trtllm_calibration(ImportRequest const& request);
std::string is_trtllm_eplb(FileContent const& file);
Recording read_trtllm_eplb(ImportRequest const& request);
std::string is_megatron_router_trace(FileContent const& file);
Recording read_megatron_router_trace(ImportRequest const& request);
std::string is_megatron_tokens_per_expert(FileContent const& file);
Recording read_megatron_tokens_per_expert(ImportRequest const& request);
std::string is_token_lines(FileContent const& file);
Recording read_token_lines(ImportRequest const& request);
std::string is_router_logits(FileContent const& file);
Recording read_router_logits(ImportRequest const& request);
std::string is_counts_array(FileContent const& file);
Recording read_counts_array(ImportRequest const& request);
std::string is_expert_popularity(FileContent const& file);
Recording read_expert_popularity(ImportRequest const& request);
std::string is_domain_counts(FileContent const& file);
Recording read_domain_counts(ImportRequest const& request);
std::string is_smartmoe(FileContent const& file);
Recording read_smartmoe(ImportRequest const& request);
std::string is_omni_placement(FileContent const& file);
Recording read_omni_placement(ImportRequest const& request);
std::string is_byte_matrix(FileContent const& file);
Recording read_byte_matrix(ImportRequest const& request);

}  // namespace epsim
