#pragma once

#include <memory>
#include <vector>

#include "compute/cpu/tile.hpp"
#include "compute/expert_kernel.hpp"

namespace epsim {

/// Own matrix products with AVX-512: fp32 accumulation in order of the summed index, so that a
/// row's result is the same to the last bit whatever rows come with it and on any number of
/// threads. Weights are held once, in panels (see cpu/tile.hpp); the activation follows a tile's
/// sums at once. bf16 takes AVX512-BF16 where rows and weights are bf16 and the CPU has it, else
/// fp32 multiply-adds, which hold the products of bf16 exactly.
/// \param threads of the calling thread's OpenMP regions while a call runs; one uses no OpenMP
/// \param level   that the CPU has, or less
/// \throws InputError at CpuLevel::none
std::unique_ptr<ExpertKernel> make_cpu_kernel(FeedForwardSpec const& spec, uint64_t seed,
                                              std::vector<std::vector<WeightKey>> const& keys,
                                              int threads, cpu::CpuLevel level = cpu::cpu_level());

}  // namespace epsim
