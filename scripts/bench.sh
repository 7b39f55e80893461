#!/usr/bin/env bash
# The microbenchmarks, each against its bound in the same run, as ratios. Needs a built build/
# (scripts/test.sh). Usage: scripts/bench.sh [flags of Google Benchmark]
set -euo pipefail
set -- --benchmark_color=false "$@"  # mpirun gives its programs a terminal
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
for name in plan permute codec expert overhead; do
    echo "# $name"
    "$root/build/bench/${name}_bench" "$@" 2>/dev/null
done
for ranks in 2 4; do
    echo "# exchange, $ranks ranks"
    "$root/scripts/mpirun.sh" -n "$ranks" "$root/build/bench/exchange_bench" "$@" 2>/dev/null
done
echo "# overhead, 2 ranks"
"$root/scripts/mpirun.sh" -n 2 "$root/build/bench/overhead_bench" "$@" 2>/dev/null
