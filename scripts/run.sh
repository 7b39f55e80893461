#!/usr/bin/env bash
# From a clean machine to a report: installs what is missing, builds, replays a configuration on
# EPSIM_RANKS (4) MPI ranks; the last line says where the HDF5 file is.
# Usage: scripts/run.sh [CONFIG.toml] [further arguments of epsim run]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

config=$root/configs/quickstart.toml
if [ $# -gt 0 ] && [[ $1 != -* ]]; then
    config=$1
    shift
fi

"$root/scripts/setup.sh"
# Tests and benchmarks are off until scripts/test.sh turns them on, in the same folder.
[ -f "$root/build/build.ninja" ] ||
    quietly "configuring build/" configure release -DEPSIM_TESTS=OFF -DEPSIM_BENCH=OFF
quietly "building build/epsim" cmake --build "$root/build" --target epsim
exec "$root/scripts/mpirun.sh" -n "${EPSIM_RANKS:-4}" "$root/build/epsim" run --config "$config" "$@"
