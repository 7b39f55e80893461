#pragma once

#include <filesystem>
#include <vector>

#include "trace/esft_file.hpp"
#include "trace/import_text.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// Routing recorded by ESFT, one text file a layer, as one step with its sequences. The layer
/// number is that of the file's name, expert_weights_<number>.txt; layers ascend.
class EsftSource final : public RoutingSource {
public:
    /// \param paths files, or directories whose expert_weights_*.txt are taken
    /// \param top_k experts a token: the text does not say
    /// \throws InputError if a file is bad or the files don't agree; ids are checked as read
    EsftSource(std::vector<std::filesystem::path> const& paths, int num_experts, int top_k,
               ImportText text);

    TraceInfo const& info() const override { return info_; }
    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override;
    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override;

private:
    std::vector<EsftFile> file_;  // [L]
    TraceInfo info_;
};

}  // namespace epsim
