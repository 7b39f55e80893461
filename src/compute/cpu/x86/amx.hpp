#pragma once

#include "compute/cpu/tile.hpp"

namespace epsim::cpu::amx {

/// Whether the CPU has matrix registers and the system lets this process use them: asks for that.
bool available();

Tile tile_of(int64_t rows);

void configure();
void release();

}  // namespace epsim::cpu::amx
