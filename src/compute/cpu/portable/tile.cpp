#include "compute/cpu/tile.hpp"

#include "core/error.hpp"

namespace epsim::cpu {

CpuLevel cpu_level() {
    return CpuLevel::none;
}

Tile tile_of(Product, int64_t) {
    throw Error("this CPU has no such product");
}

TileUse::TileUse(Product product) : product_(product) {}
TileUse::~TileUse() = default;

}  // namespace epsim::cpu
