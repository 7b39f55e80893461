#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "measure/run_record.hpp"

/// What the files with rules about results share.
namespace epsim::rules {

using Wide = __int128;  // sums and products of numbers up to 2^53

inline constexpr auto to_experts = static_cast<int64_t>(Direction::dispatch);
inline constexpr auto to_tokens = static_cast<int64_t>(Direction::combine);

inline std::string differ(std::string const& where, char const* what, Wide found, Wide expected) {
    return fmt::format("{}: {} is {}, not {} ({:+})", where, what, found, expected,
                       found - expected);
}

inline int64_t steps(RunRecord const& r) {
    return static_cast<int64_t>(r.step.size());
}
inline int64_t layers(RunRecord const& r) {
    return static_cast<int64_t>(r.layer.size());
}
inline int64_t ranks(RunRecord const& r) {
    return static_cast<int64_t>(r.topology.size());
}
inline int64_t experts(RunRecord const& r) {
    return r.expert_tokens.extent(2);
}

inline std::string at(RunRecord const& r, int64_t l) {
    return fmt::format("layer {}", r.layer[static_cast<std::size_t>(l)]);
}
inline std::string at(RunRecord const& r, int64_t s, int64_t l) {
    return fmt::format("step {}, {}", r.step[static_cast<std::size_t>(s)], at(r, l));
}

/// Whether nothing but rows that are dispatched moved: they do not come back, and nothing announces
/// them.
inline bool exchange_only(RunRecord const& r) {
    return std::ranges::find(r.tags, "exchange-only") != r.tags.end();
}

/// The first text that visit(step, layer) gives.
template <class Visit>
std::string over_steps(RunRecord const& r, Visit&& visit) {
    for (int64_t s = 0; s < steps(r); ++s)
        for (int64_t l = 0; l < layers(r); ++l)
            if (auto text = visit(s, l); !text.empty()) return text;
    return {};
}

}  // namespace epsim::rules
