#!/usr/bin/env bash
# Everything that needs a GPU, in one call of under nine minutes on an H100: the device tests (small
# ones under compute-sanitizer, where it is), steps of one rank at the shapes of four models, ranks
# that share the GPU over NCCL for correctness, microbenchmarks against their bounds, and PyTorch's
# time for the same layers. Runs in a checkout that is built, or in an unpacked bundle. OUTDIR gets
# result files (HDF5), JSON, logs, and summary.txt, which is printed. Exit: 1 if a part failed, 2 if
# there is no GPU.
# Usage: scripts/gpu-check.sh OUTDIR [--device=cpu]
#        --device=cpu: small cases on the host, which try this script. $PYTHON: one with PyTorch
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ $# -lt 1 ] || [ $# -gt 2 ] || [[ $1 = -* ]] || [[ ${2-} != @(|--device=cpu) ]]; then
    echo "epsim: gpu-check.sh takes OUTDIR and --device=cpu (got: $*). Correct it" >&2
    exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
device=cuda
[ -z "${2-}" ] || device=cpu
cd "$root"
python=${PYTHON:-python3}
epsim=$root/build/epsim
deadline=$((SECONDS + 530))
failed=0

# preset:ranks that share its experts
models=(mixtral-8x7b:1 qwen3-30b-a3b:1 qwen3-235b-a22b:1 deepseek-v3:8)
tokens=(4096 1 8 32 128)
scale=1 bench_flags=() calls=20
if [ $device = cpu ]; then
    models=(mixtral-8x7b:1 deepseek-v3:8)
    tokens=(16)
    scale=1/128 calls=1
    bench_flags=(--benchmark_filter='^permute/tokens:128' --benchmark_min_time=0.001 --device=cpu)
fi

# part NAME SECONDS COMMAND...: its output goes to NAME.txt; one line of the summary.
part() {
    local name=$1 limit=$2 begin=$SECONDS status=0 left=$((deadline - SECONDS))
    shift 2
    if [ $left -lt 5 ]; then
        status=124
    else
        timeout $((limit < left ? limit : left)) "$@" >"$out/$name.txt" 2>&1 || status=$?
    fi
    local verdict=ok
    case $status in
        0) ;;
        77) verdict="left out: $(tail -n 1 "$out/$name.txt")" ;;
        124) verdict="FAILED: out of time" failed=1 ;;
        *) verdict="FAILED: exit $status, see $name.txt" failed=1 ;;
    esac
    printf '%-34s %4d s  %s\n' "$name" $((SECONDS - begin)) "$verdict" | tee -a "$out/summary.txt"
}

# The step of one layer on one rank. $1 preset, $2 ranks that share its experts, $3 tokens
layer_step() {
    local experts
    experts=$(sed -n 's/^num_experts = //p' "configs/models/$1.toml")
    rm -rf "$out/runs/$1-$2-$3"
    scripts/mpirun.sh -n 1 "$epsim" run --device=$device --model.preset="$1" --model.layers=1 \
        --model.scale=$scale --model.num_experts=$((experts / $2)) --routing.generator=uniform \
        --tokens.per_step="$3" --tokens.steps=2 --measure.min_passes=20 --measure.verify=2 \
        --measure.probe=off --exchange.backend=local --output.dir="$out/runs/$1-$2-$3"
}

# $1 ranks, $2 algorithm
shared_gpu() {
    local backend=(--exchange.backend=nccl)
    [ $device = cuda ] || backend=()
    rm -rf "$out/runs/shared-$1-$2"
    scripts/mpirun.sh -n "$1" "$epsim" run --device=$device --compute.allow_oversubscribe=true \
        "${backend[@]}" --exchange.algorithm="$2" --cluster.ranks_per_node=2 \
        --model.num_experts=16 --model.top_k=4 --model.hidden=512 --model.expert_intermediate=256 \
        --routing.layers=2 --routing.generator=zipf --tokens.per_rank=256 --tokens.steps=3 \
        --measure.verify=full --measure.probe=off --output.dir="$out/runs/shared-$1-$2"
}

sanitized() {
    if ! command -v compute-sanitizer >/dev/null; then
        echo "no compute-sanitizer here"
        return 77
    fi
    compute-sanitizer --error-exitcode 9 "$root/build/tests/test_gpu" \
        --gtest_filter='RowEngineGpu.Gathers:RowEngineGpu.SumsGroups:*OtherTypes*'
}

pytorch() {
    if ! "$python" -c 'import torch' 2>/dev/null; then
        echo "no PyTorch for $python"
        return 77
    fi
    local cases=() model n
    for model in "${models[@]}"; do
        for n in "${tokens[@]}"; do cases+=("${model%:*}/${model#*:}:$n"); done
    done
    "$python" scripts/torch_layer.py -o "$out/torch.json" --runs "$out/runs" --device=$device \
        --calls $calls --scale $scale "${cases[@]}"
}
export -f layer_step shared_gpu sanitized pytorch
export root out device epsim scale python calls

rm -f "$out/summary.txt"
"$epsim" info | tee "$out/info.txt"
if [ $device = cuda ]; then
    status=0
    "$epsim" run --device=cuda --config configs/quickstart.toml --dry-run >/dev/null || status=$?
    [ $status -eq 0 ] || exit $status
    nvidia-smi -q >"$out/nvidia-smi.txt" 2>&1 || true
fi
part tests 120 build/tests/test_gpu
part sanitizer 120 bash -c sanitized
for ranks in 2 4; do
    for algorithm in alltoallv padded hierarchical rail; do
        part "nccl-$ranks-ranks-$algorithm" 60 bash -c "shared_gpu $ranks $algorithm"
    done
done
for model in "${models[@]}"; do
    for n in "${tokens[@]}"; do
        part "step-${model%:*}-$n-tokens" 60 bash -c "layer_step ${model%:*} ${model#*:} $n"
    done
done
part microbenchmarks 150 build/bench/gpu_bench "${bench_flags[@]}" \
    --benchmark_out="$out/gpu_bench.json" --benchmark_out_format=json
part pytorch 150 bash -c "models=(${models[*]}) tokens=(${tokens[*]}); pytorch"
cat "$out/pytorch.txt" >>"$out/summary.txt"
cat "$out/pytorch.txt"
exit $failed
