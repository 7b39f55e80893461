#!/usr/bin/env bash
# Unit tests of the rooms that read what others wrote or move rows, and one run on 4 ranks, under
# AddressSanitizer and UndefinedBehaviorSanitizer, built without CUDA in build-asan/.
# Usage: scripts/sanitize.sh
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

scripts/setup.sh --with-tests
quietly "configuring build-asan/" configure asan
quietly "building build-asan/" cmake --build build-asan \
    --target epsim test_device test_trace test_store test_dispatch test_rows test_exchange test_layer

# Leaks inside Open MPI are not ours; without slow unwinding their stacks end before its name.
export ASAN_OPTIONS=fast_unwind_on_malloc=0 LSAN_OPTIONS=suppressions=$root/tests/lsan.supp:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1
ctest --test-dir build-asan -j "$(nproc)" --output-on-failure --no-tests=error -L unit
sanitized_run=$(mktemp -d)
trap 'rm -rf "$sanitized_run"' EXIT
scripts/mpirun.sh -n 4 build-asan/epsim run --config configs/quickstart.toml \
    --measure.min_passes=1 --output.dir="$sanitized_run/run" --quiet
