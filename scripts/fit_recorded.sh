#!/usr/bin/env bash
# Fits recorded routing and writes how well look-alikes match the sequences that were not fitted: a
# table for each trace.
# Usage: scripts/fit_recorded.sh FOLDER_OF_THE_TRACES OUTPUT_FOLDER
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
data=$1
out=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$out"

# fit NAME FILE [flags of epsim trace import]
fit() {
    local name=$1
    shift
    "$root/build/epsim" trace import "$@" -o "$scratch/$name.h5" >&2
    (cd "$scratch" && "$root/build/epsim" trace fit "$name.h5" --ep 4,8,16 -o "$name.toml") \
        >"$out/$name.txt"
}

for task in intent translation; do
    fit "esft-$task" --format npy "$data/esft_dsv2lite/${task}_ids_u8.npy" --num-experts 64 \
        --seqlen "$data/esft_dsv2lite/${task}_seqlen_i32.npy" --steps-of 1024
done
smartmoe=$data/smartmoe_atc23
fit smartmoe "$smartmoe/gate_counts_iter1_step100_u16.npy" --top-k 2 --tokens 1024
fit smartmoe-short-steps "$smartmoe/global_counts_iter1_step10_u32.npy" --top-k 2 --tokens 120
fit olmoe "$data/olmoe_mixtral_counts/olmoe.json" --tokens 4096
fit sglang "$data/sglang_dsv3_ep_stats/prefill_in1024.json" --top-k 8 --tokens 4096
