#!/usr/bin/env bash
# Imports the recorded routing of DeepSeek-V2-Lite (two tasks, 26 layers, 64 experts, top-6) and
# replays it at the model's shape, hidden scaled by 1/8, on 1, 2, 4 and 8 ranks; writes each report
# and a summary of what must not depend on the ranks.
# Usage: scripts/replay_esft.sh FOLDER_OF_THE_NPY_FILES OUTPUT_FOLDER [further flags of epsim run]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
data=$1
out=$2
shift 2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$out"

for task in intent translation; do
    trace=$scratch/$task.h5
    "$root/build/epsim" trace import --format npy "$data/${task}_ids_u8.npy" \
        --weights "$data/${task}_gate_w_e4_u16.npy" --weight-scale 1e-4 \
        --seqlen "$data/${task}_seqlen_i32.npy" --num-experts 64 --first-layer 1 --steps-of 1024 \
        --model DeepSeek-V2-Lite -o "$trace" >&2
    (cd "$scratch" && "$root/build/epsim" trace info "$task.h5" --ep 2,4,8) \
        >"$out/$task-trace.txt"
    for ranks in 1 2 4 8; do
        run=$scratch/$task-$ranks
        (cd "$scratch" && "$root/scripts/mpirun.sh" -n "$ranks" "$root/build/epsim" run \
            --config "$root/configs/deepseek-v2-lite.toml" --routing.trace="$task.h5" \
            --output.dir="$task-$ranks" "$@") >"$out/$task-$ranks-ranks.txt"
        "$root/build/epsim" verify "$run" >&2
    done
done
/usr/bin/python3 - "$scratch" >"$out/summary.txt" <<'PY'
import glob, hashlib, sys
import h5py

print("task         ranks  kind            token/s  expert counts  selected bytes a pass  checked")
for task in ("intent", "translation"):
    for ranks in (1, 2, 4, 8):
        (path,) = glob.glob(f"{sys.argv[1]}/{task}-{ranks}/cases/*.h5")
        with h5py.File(path) as file:
            rows = {r["metric"].decode(): r["value"] for r in file["summary"][()]}
            counts = hashlib.sha256(file["load/expert_tokens"][()].tobytes()).hexdigest()[:12]
            print(f"{task:12} {ranks:5}  {file.attrs['kind'].decode():14} {rows['throughput']:8.1f}"
                  f"  {counts:13}  {file['traffic/selected'][:, 0].sum():21}"
                  f"  {file['validation/checked'][()]:7}")
PY
