#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "trace/import_text.hpp"
#include "trace/npy_array.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// Which .npy files to import and what they don't say.
struct NpyImport {
    std::filesystem::path ids;                     ///< integers [L, T, k] or [T, k]; -1 = none
    std::optional<std::filesystem::path> weights;  ///< of the same shape
    std::optional<double> weight_scale;  ///< multiplies weights; must be given for integers
    std::optional<std::filesystem::path> seqlen;  ///< integers [Q], tokens of each sequence
    int num_experts = 0;
    std::vector<int32_t> layers;  ///< [L] the model's layer numbers; empty = first_layer, + 1, ..
    int32_t first_layer = 0;
};

/// Routing recorded in NumPy arrays, as one step. Never holds more than what is read.
/// Weights are rounded to float from the double product of value and scale.
class NpySource final : public RoutingSource {
public:
    /// \throws InputError if a file is bad or the shapes don't agree; ids are checked as read
    NpySource(NpyImport const& files, ImportText text);

    TraceInfo const& info() const override { return info_; }
    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override;
    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override;

private:
    NpyArray ids_;
    std::optional<NpyArray> weights_;
    double weight_scale_;
    TraceInfo info_;
};

}  // namespace epsim
