#pragma once

#include <array>
#include <string_view>

#include "cluster/calibration.hpp"

namespace epsim {

/// A member of Ceilings, with what a table and a file say of it.
struct CeilingFigure {
    std::string_view name;
    double Ceilings::*value;
    std::string_view unit;
    std::string_view how;
};

/// All members of Ceilings, in its order.
inline constexpr std::array<CeilingFigure, 6> ceiling_figures{{
    {"read_bandwidth", &Ceilings::read, "B/s", "memory read and summed up"},
    {"write_bandwidth", &Ceilings::write, "B/s", "memory written with stores past the caches"},
    {"copy_bandwidth", &Ceilings::copy, "B/s", "memory copied by memcpy, payload"},
    {"stream_copy_bandwidth", &Ceilings::stream_copy, "B/s",
     "memory copied with stores past the caches, payload"},
    {"flops_f32", &Ceilings::flops_f32, "FLOP/s", "multiply-adds of fp32 in registers"},
    {"flops_bf16", &Ceilings::flops_bf16, "FLOP/s",
     "dot products of bf16 in registers, of fp32 where the CPU has none of bf16"},
}};

}  // namespace epsim
