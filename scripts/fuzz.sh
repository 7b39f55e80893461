#!/usr/bin/env bash
# Fuzzes the readers of bytes that nobody vouches for: libFuzzer with AddressSanitizer and
# UndefinedBehaviorSanitizer, in build-fuzz/. Prints of each target how many inputs it ran, and how
# many of the counters that Clang put at the branches they reached. What was found stays in
# build-fuzz/corpus/; a failing input is made small and named, and the exit is 1: correct the
# reader, and move the input to tests/fuzz/seeds/<target>/.
# Usage: scripts/fuzz.sh [-t SECONDS (10) a target] [TARGET...]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

seconds=10
if [ "${1-}" = -t ]; then
    seconds=${2:?"-t needs seconds"}
    shift 2
fi
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for seeds in tests/fuzz/seeds/*/; do targets+=("$(basename "$seeds")"); done
fi
for target in "${targets[@]}"; do
    if [ ! -e "tests/fuzz/${target}_fuzz.cpp" ]; then
        echo "epsim: no fuzz target '$target' (see tests/fuzz/). Correct it" >&2
        exit 2
    fi
done

scripts/setup.sh --with-fuzz
quietly "configuring build-fuzz/" configure fuzz
quietly "building ${#targets[@]} fuzz targets" cmake --build build-fuzz \
    --target "${targets[@]/#/fuzz_}"

TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

# fuzz TARGET: one line of figures; 1 if an input fails.
fuzz() {
    local program=build-fuzz/tests/fuzz/fuzz_$1 corpus=build-fuzz/corpus/$1
    local failed=build-fuzz/failed/$1- output=build-fuzz/$1.log
    mkdir -p "$corpus" build-fuzz/failed
    rm -f "$failed"*
    # No input is long, so nothing that it says may make us ask for 64 MiB at once.
    if "$program" -max_total_time="$seconds" -timeout=10 -malloc_limit_mb=64 -reduce_inputs=1 \
        -artifact_prefix="$failed" -print_final_stats=1 "$corpus" "tests/fuzz/seeds/$1" \
        >"$output" 2>&1; then
        awk -v target="$1" '
            /inline 8-bit counters/ { match($0, /[0-9]+ inline/); all = substr($0, RSTART) + 0 }
            / cov: / { match($0, /cov: [0-9]+/); reached = substr($0, RSTART + 5) + 0
                       match($0, /corp: [0-9]+/); kept = substr($0, RSTART + 6) + 0 }
            /number_of_executed_units/ { runs = $2 }
            END { printf "%-14s %9d inputs, %5d of %6d counters (%4.1f %%), %4d inputs kept\n",
                  target, runs, reached, all, 100 * reached / all, kept }' "$output"
        return 0
    fi
    local input
    for input in "$failed"*; do
        [ -e "$input" ] && "$program" -minimize_crash=1 -max_total_time=20 \
            -exact_artifact_path="$input.small" "$input" >/dev/null 2>&1 || true
    done
    grep -E 'ERROR|SUMMARY|runtime error|broken:' "$output" | head -n 3 >&2
    echo "epsim: $1 fails on:" "$failed"* "(the whole output: $output)" >&2
    return 1
}

export -f fuzz
export seconds
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz {}' || exit 1
