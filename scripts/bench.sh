#!/usr/bin/env bash
# The microbenchmarks, each against its bound in the same run, into results/bench-<machine>.{h5,md}.
# Nothing else should run meanwhile. Needs a built build/ (scripts/test.sh). About half an hour;
# --quick: some five minutes, with shorter runs and fewer shapes.
# Usage: scripts/bench.sh [-o PATH_WITHOUT_ENDING] [--quick] [flags of Google Benchmark]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
machine=$(LC_ALL=C lscpu | sed -n 's/^Model name: *//p' | head -n 1 | tr -cs '[:alnum:]' '-' |
    tr '[:upper:]' '[:lower:]' | sed 's/^-//; s/-$//')
output=$root/results/bench-$machine-$(nproc)
if [ "${1:-}" = -o ]; then
    output=$2
    shift 2
fi
points=. few='rows/warm/4096/|whole' experts=.
if [ "${1:-}" = --quick ]; then
    shift
    set -- --benchmark_min_time=0.02 "$@"
    points='rows/(warm|cold)/4096/|whole'
    few='rows/warm/4096/(2|8|32|512)/|whole'
    experts='one_expert/bf16/hidden:2048|_loads|two_threads'
fi
json=$(mktemp -d)
trap 'rm -rf "$json"' EXIT
results=()

# run NAME COMMAND...: its JSON goes to stdout, of rank 0 alone where there are several.
run() {
    local name=$1
    shift
    echo "bench: $name ($(date +%T))" >&2
    "$@" --benchmark_format=json >"$json/$name.json" 2>/dev/null
    results+=("$name=$json/$name.json")
}

for name in plan permute codec generator overhead; do
    run "$name" "$root/build/bench/${name}_bench" "$@"
done
run expert "$root/build/bench/expert_bench" --benchmark_filter="$experts" "$@"
run overhead_2_ranks "$root/scripts/mpirun.sh" -n 2 "$root/build/bench/overhead_bench" "$@"
exchange() {
    local name=$1 ranks=$2
    shift 2
    run "$name" "$root/scripts/mpirun.sh" -n "$ranks" "$root/build/bench/exchange_bench" "$@"
}
exchange exchange_2_ranks 2 --benchmark_filter="$points" "$@"
# Larger eager messages are copied once more, but start sooner.
OMPI_MCA_btl_vader_eager_limit=32768 OMPI_MCA_btl_vader_max_send_size=65536 \
    OMPI_MCA_btl_vader_rndv_eager_limit=32768 exchange exchange_2_ranks_large_eager 2 \
    --benchmark_filter="$points" "$@"
for ranks in 4 8; do
    OMPI_MCA_mpi_yield_when_idle=1 exchange "exchange_${ranks}_ranks" "$ranks" \
        --benchmark_filter="$few" "$@"
done
/usr/bin/python3 "$root/scripts/bench_results.py" -o "$output" \
    --commit "$(git -C "$root" rev-parse --short HEAD)" "${results[@]}"
echo "bench: $output.md, $output.h5" >&2
