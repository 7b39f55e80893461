#include "trace/formats/formats.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "core/text.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;
using enum Holds;

constexpr std::array formats{
    Format{"npz", "NumPy, the trace file's datasets", tokens, "num-experts layers first-layer",
           is_npz, read_npz},
    Format{"esft", "ESFT", tokens, "num-experts top-k", is_esft, read_esft},
    Format{"sglang-per-token", "SGLang", tokens, "num-experts top-k placement", is_sglang_per_token,
           read_sglang_per_token},
    Format{"vllm", "vLLM", tokens, "num-experts layers", is_vllm, read_vllm},
    Format{"trtllm-tokens", "TensorRT-LLM", tokens, "num-experts top-k placement", is_trtllm_tokens,
           read_trtllm_tokens},
    Format{"trtllm-calibration", "TensorRT-LLM, layer-wise benchmarks", tokens,
           "num-experts top-k placement", is_trtllm_calibration, read_trtllm_calibration},
    Format{"megatron-router-trace", "Megatron-Core", tokens, "num-experts top-k",
           is_megatron_router_trace, read_megatron_router_trace},
    Format{"token-lines", "vLLM hooks of speculative-moe", tokens, "num-experts top-k",
           is_token_lines, read_token_lines},
    Format{"router-logits", "transformers", logits, "top-k layers first-layer gate seed",
           is_router_logits, read_router_logits},
    Format{"sglang-stat", "SGLang", counts, "top-k tokens seed", is_sglang_stat, read_sglang_stat},
    Format{"sglang-counts", "SGLang", counts, "top-k tokens seed", is_sglang_counts,
           read_sglang_counts},
    Format{"trtllm-statistics", "TensorRT-LLM", counts, "num-experts top-k placement tokens seed",
           is_trtllm_statistics, read_trtllm_statistics},
    Format{"megatron-tokens-per-expert", "Megatron-LM", counts, "num-experts top-k tokens seed",
           is_megatron_tokens_per_expert, read_megatron_tokens_per_expert},
    Format{"expert-popularity", "Fiddler", counts, "top-k layers first-layer tokens seed",
           is_expert_popularity, read_expert_popularity},
    Format{"domain-counts", "OLMoE", counts, "top-k tokens seed", is_domain_counts,
           read_domain_counts},
    Format{"smartmoe", "SmartMoE", counts, "top-k tokens seed", is_smartmoe, read_smartmoe},
    Format{"sglang-placement", "SGLang", placement, "num-experts layers first-layer",
           is_sglang_placement, read_sglang_placement},
    Format{"trtllm-eplb", "TensorRT-LLM", placement, "num-experts", is_trtllm_eplb,
           read_trtllm_eplb},
    Format{"omni-placement", "omni-infer", placement, "layers first-layer", is_omni_placement,
           read_omni_placement},
    Format{"byte-matrix", "alltoallv benchmarks", traffic, "", is_byte_matrix, read_byte_matrix},
    Format{"npy", "NumPy", tokens, "num-experts layers first-layer weights weight-scale seqlen",
           is_npy_ids, read_npy_ids},
    Format{"counts", "NumPy", counts, "top-k layers first-layer tokens seed", is_counts_array,
           read_counts_array}};

Format const& format_named(std::string const& name) {
    auto const found = std::ranges::find(formats, name, &Format::name);
    if (found != formats.end()) return *found;
    std::vector<std::string> names;
    for (auto const& format : formats) names.emplace_back(format.name);
    throw InputError(
        fmt::format("--format {} is unknown (it says what the files are; nearest: {}). "
                    "Use one of {}",
                    name, nearest(name, names), fmt::join(names, ", ")));
}

/// Position of the first format that a file is of, and the evidence; the end if of none.
std::pair<std::size_t, std::string> first_format(fs::path const& path) {
    auto const content = look_into(path);
    for (std::size_t i = 0; i < formats.size(); ++i)
        if (auto evidence = formats[i].evidence(content); !evidence.empty())
            return {i, std::move(evidence)};
    return {formats.size(), {}};
}

std::vector<fs::path> files_of(fs::path const& folder) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
        if (at->is_regular_file(error) && fs::file_size(at->path(), error) > 0)
            files.push_back(at->path());
    if (error) refuse_import(folder, error.message(), "Check the path");
    return files;
}

void sort_by_number(std::vector<fs::path>& files) {
    std::ranges::sort(files, [](fs::path const& a, fs::path const& b) {
        return std::pair(number_in_name(a), a) < std::pair(number_in_name(b), b);
    });
}

Found recognise_folder(fs::path const& folder) {
    Found found;
    std::size_t best = formats.size();
    std::vector<std::pair<std::size_t, fs::path>> all;
    for (auto const& file : files_of(folder)) {
        auto const [i, evidence] = first_format(file);
        all.emplace_back(i, file);
        if (i >= best) continue;
        best = i;
        found.evidence = fmt::format("{}: {}", file.filename().string(), evidence);
    }
    if (best == formats.size())
        refuse_import(folder, "no file in it is of a format that is known", "Give --format");
    found.format = &formats[best];
    for (auto const& [i, file] : all) (i == best ? found.files : found.left_out).push_back(file);
    return found;
}

Found recognise_file(fs::path const& file) {
    auto const [i, evidence] = first_format(file);
    if (i == formats.size())
        refuse_import(file, "it is of no format that is known",
                      "Give --format, or a file of one of these: see epsim trace import --help");
    return {&formats[i], fmt::format("{}: {}", file.filename().string(), evidence), {file}, {}};
}

}  // namespace

std::span<Format const> import_formats() {
    return formats;
}

Found recognise(std::vector<fs::path> const& paths, std::string const& name) {
    Found found;
    if (!name.empty()) found = {&format_named(name), "as --format says", {}, {}};
    for (auto const& path : paths) {
        std::error_code error;
        bool const folder = fs::is_directory(path, error);
        if (!name.empty()) {
            if (!folder) {
                found.files.push_back(path);
                continue;
            }
            for (auto const& file : files_of(path)) {
                auto const content = look_into(file);
                (found.format->evidence(content).empty() ? found.left_out : found.files)
                    .push_back(file);
            }
            continue;
        }
        auto one = folder ? recognise_folder(path) : recognise_file(path);
        if (found.format && found.format != one.format)
            refuse_import(path,
                          fmt::format("it is of format {}, {} of {}", one.format->name,
                                      found.files[0].string(), found.format->name),
                          "Import them one by one");
        found.format = one.format;
        if (found.evidence.empty()) found.evidence = one.evidence;
        found.files.insert(found.files.end(), one.files.begin(), one.files.end());
        found.left_out.insert(found.left_out.end(), one.left_out.begin(), one.left_out.end());
    }
    if (found.files.empty())
        throw InputError("there is nothing to import (no file of the format). Check the paths");
    sort_by_number(found.files);
    return found;
}

}  // namespace epsim
