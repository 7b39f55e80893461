#include "store/bound_check.hpp"

#include <fmt/format.h>

#include <cmath>

namespace epsim {
namespace {

/// The first text that visit(step, layer, phase) gives, with where it was.
template <class Visit>
std::string over_phases(RunRecord const& r, Visit&& visit) {
    for (int64_t s = 0; s < r.bound.extent(0); ++s)
        for (int64_t l = 0; l < r.bound.extent(1); ++l)
            for (int64_t p = 0; p < r.bound.extent(2); ++p)
                if (std::string const text = visit(s, l, p); !text.empty())
                    return fmt::format(
                        "step {}, layer {}, {}: {}", r.step[static_cast<std::size_t>(s)],
                        r.layer[static_cast<std::size_t>(l)], name_of(static_cast<Phase>(p)), text);
    return {};
}

}  // namespace

std::vector<Finding> check_bounds(RunRecord const& r) {
    if (r.bound.empty()) return {};
    std::string const shapes =
        r.least_bound.shape() == r.bound.shape() && r.bound_resource.shape() == r.bound.shape()
            ? ""
            : "an array is missing";
    std::vector<Finding> findings{{"bounds have their resources and T_lb*", shapes}};
    if (!shapes.empty()) return findings;
    findings.push_back({"0 <= T_lb* <= T_lb, or neither is known",
                        over_phases(r, [&](int64_t s, int64_t l, int64_t p) -> std::string {
                            double const bound = r.bound(s, l, p), least = r.least_bound(s, l, p);
                            if (std::isnan(bound) && std::isnan(least)) return {};
                            if (0 <= least && least <= bound && std::isfinite(bound)) return {};
                            return fmt::format("T_lb* is {} s, T_lb {} s", least, bound);
                        })});
    findings.push_back({"a resource limits exactly what is bounded",
                        over_phases(r, [&](int64_t s, int64_t l, int64_t p) -> std::string {
                            auto const resource = r.bound_resource(s, l, p);
                            bool const known = resource >= 0 && resource < std::ssize(r.resource);
                            if (std::isnan(r.bound(s, l, p)) ? resource == -1 : known) return {};
                            return fmt::format("T_lb is {} s, limited by resource {} of {}",
                                               r.bound(s, l, p), resource, r.resource.size());
                        })});
    return findings;
}

}  // namespace epsim
