// Text of ESFT (github.com/deepseek-ai/ESFT): see esft_file.hpp.

#include "trace/esft_source.hpp"
#include "trace/formats/readers.hpp"

namespace epsim {

std::string is_esft(FileContent const& file) {
    auto const name = file.file_name();
    if (!name.starts_with("expert_weights_") || !name.ends_with(".txt")) return {};
    return "the name expert_weights_<layer>.txt";
}

Recording read_esft(ImportRequest const& request) {
    // What ESFT publishes is of DeepSeek-V2-Lite's architecture.
    return std::make_unique<EsftSource>(request.files, request.num_experts.value_or(64),
                                        request.top_k.value_or(6), request.text);
}

}  // namespace epsim
