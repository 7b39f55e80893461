#include "compute/expert_kernel.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "compute/cpu/cpu_kernel.hpp"
#include "compute/cuda/cuda_kernel.hpp"
#include "compute/onednn/onednn_kernel.hpp"
#include "compute/reference/reference_kernel.hpp"
#include "core/cast.hpp"

namespace epsim {
namespace {

std::string_view choose_kernel(DType dtype) {
    auto const needed = dtype == DType::bf16 ? cpu::CpuLevel::avx512bf16 : cpu::CpuLevel::avx512f;
    if (cpu::cpu_level() >= needed) return "cpu";
    return onednn_supports(dtype) ? "onednn" : "reference";
}

}  // namespace

std::unique_ptr<ExpertKernel> make_expert_kernel(std::string_view name, FeedForwardSpec const& spec,
                                                 uint64_t seed,
                                                 std::vector<std::vector<WeightKey>> const& keys,
                                                 int threads) {
    check(spec.hidden >= 1 && spec.intermediate >= 1, "an expert network has no elements");
    checked_multiply(8ll * spec.hidden, spec.intermediate, "an expert's weights");
    check(threads >= 1, "a kernel has no thread");
    check(std::ranges::all_of(keys, [&](auto const& k) { return k.size() == keys[0].size(); }),
          "layers differ in slots");
    if (name == "auto") name = choose_kernel(spec.dtype);
    if (name == "cpu") return make_cpu_kernel(spec, seed, keys, threads);
    if (name == "reference") return make_reference_kernel(spec, seed, keys, threads);
    if (name == "onednn") return make_onednn_kernel(spec, seed, keys, threads);
    if (is_cuda_kernel(name)) return make_cuda_kernel(name, spec, seed, keys, threads);
    throw InputError(
        fmt::format("compute.kernel = {} is unknown (there are auto, cpu, onednn, "
                    "reference, cublas and cublas-loop). Choose one of them",
                    name));
}

}  // namespace epsim
