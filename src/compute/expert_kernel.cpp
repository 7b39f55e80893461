#include "compute/expert_kernel.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "compute/onednn/onednn_kernel.hpp"
#include "compute/reference/reference_kernel.hpp"
#include "core/cast.hpp"

namespace epsim {

std::unique_ptr<ExpertKernel> make_expert_kernel(std::string_view name, FeedForwardSpec const& spec,
                                                 uint64_t seed,
                                                 std::vector<std::vector<WeightKey>> const& keys,
                                                 int threads) {
    check(spec.hidden >= 1 && spec.intermediate >= 1, "an expert network has no elements");
    checked_multiply(8ll * spec.hidden, spec.intermediate, "an expert's weights");
    check(threads >= 1, "a kernel has no thread");
    check(std::ranges::all_of(keys, [&](auto const& k) { return k.size() == keys[0].size(); }),
          "layers differ in slots");
    if (name == "auto") name = onednn_supports(spec.dtype) ? "onednn" : "reference";
    if (name == "reference") return make_reference_kernel(spec, seed, keys, threads);
    if (name == "onednn") return make_onednn_kernel(spec, seed, keys, threads);
    throw InputError(
        fmt::format("compute.kernel = {} is unknown (there are auto, reference and "
                    "onednn). Choose one of them",
                    name));
}

}  // namespace epsim
