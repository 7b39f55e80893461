#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test: in the release build with CUDA
# where the toolkit is found, then under sanitizers without it; and checks the format.
# Usage: scripts/test.sh [arguments of ctest, for the release build]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"
jobs=$(nproc)

scripts/setup.sh --with-tests
scripts/format.sh
quietly "configuring build/" configure release -DEPSIM_TESTS=ON -DEPSIM_BENCH=ON
quietly "building everything in build/" cmake --build build
quietly "configuring build-asan/" configure asan
# The rooms that read what others wrote, and those that move rows.
quietly "building build-asan/" cmake --build build-asan \
    --target epsim test_trace test_store test_dispatch test_rows test_exchange test_layer

# Leaks inside Open MPI are not ours; without slow unwinding their stacks end before its name.
export ASAN_OPTIONS=fast_unwind_on_malloc=0 LSAN_OPTIONS=suppressions=$root/tests/lsan.supp:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1
echo "epsim: unit tests and one run on 4 ranks under AddressSanitizer and UndefinedBehaviorSanitizer" >&2
ctest --test-dir build-asan -j "$jobs" --output-on-failure --no-tests=error -L unit
sanitized_run=$(mktemp -d)
trap 'rm -rf "$sanitized_run"' EXIT
scripts/mpirun.sh -n 4 build-asan/epsim run --config configs/quickstart.toml \
    --measure.min_passes=1 --output.dir="$sanitized_run/run" --quiet
unset ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS

echo "epsim: every test" >&2
ctest --test-dir build -j "$jobs" --output-on-failure --no-tests=error "$@"
