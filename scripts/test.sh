#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test: in the release build with CUDA
# where the toolkit is found; and checks the format. scripts/sanitize.sh runs under sanitizers.
# Usage: scripts/test.sh [arguments of ctest, for the release build]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"
# Tests often wait: for ranks that start, for files, for time to pass. Ranks that wait for messages
# then leave the cores to the tests beside them.
jobs=$(($(nproc) + 1))
export OMPI_MCA_mpi_yield_when_idle=1

scripts/setup.sh --with-tests
scripts/format.sh
quietly "configuring build/" configure release -DEPSIM_TESTS=ON -DEPSIM_BENCH=ON
quietly "building everything in build/" cmake --build build
echo "epsim: every test" >&2
ctest --test-dir build -j "$jobs" --output-on-failure --no-tests=error "$@"
[ $# -gt 0 ] || scripts/fuzz.sh -t 10 text npy npy_trace esft formats  # of the rooms that compile soon
