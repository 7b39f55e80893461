#pragma once

#include <string>
#include <vector>

#include "placement/strategy.hpp"
#include "trace/formats/recording.hpp"

namespace epsim {

/// What is known of experts' loads, for placements on R ranks: of a trace's tokens, or of counts.
struct ExpertTraffic {
    Array<double, 2> load;                           ///< [L, E] assignments
    std::vector<Array<double, 2>> source_load = {};  ///< [L] of [R, E]; empty = unknown
    std::vector<Coactivation> pairs = {};            ///< [L]; empty = unknown
    std::vector<int32_t> layer = {};                 ///< [L] the model's numbers
    std::string model = {};

    int experts() const { return static_cast<int>(load.extent(1)); }
    int layers() const { return static_cast<int>(load.extent(0)); }
    /// [R, E]; where sources are unknown every rank's tokens are taken to choose alike.
    Array<double, 2> sources(int layer, int ranks) const;
};

/// Of the tokens of a trace file, which ranks get as epsim run would put them.
/// \throws InputError
ExpertTraffic traffic_of_trace(std::string const& path, int ranks);
/// Of a file of counts in any format that epsim trace import knows, steps and sources summed;
/// layers without any count (dense ones) are left out.
/// \param request what the file does not say   \throws InputError
ExpertTraffic traffic_of_counts(std::string const& path, ImportRequest request);

/// [S] of [L, E] the same step by step, sources summed.
std::vector<Array<double, 2>> steps_of_trace(std::string const& path);
std::vector<Array<double, 2>> steps_of_counts(std::string const& path, ImportRequest request);

}  // namespace epsim
