#!/usr/bin/env bash
# Is B faster or slower than A? Pairs of launches, one of A and one of B, that run at once and measure
# by turns, so that a machine that gets slower or faster does so to both; then epsim compare, in pairs.
#
# Usage: scripts/ab.sh [options] A.toml B.toml [-- flags of epsim run for both]
#   -n RANKS       MPI ranks (2)
#   -l LAUNCHES    of each side (5, the least for a verdict)
#   --apart        one launch after the other, A B B A A B ..., where both do not fit into memory at
#                  once; compared in pairs from 8 launches on
#   -o DIR         new directory for the runs DIR/A/01 ... DIR/B/01 ... (runs/ab-<time>)
#   --a FLAGS      flags of epsim run for A only: --a "--exchange.algorithm=ring"; words part at spaces
#   --b FLAGS      the same for B
#   --gate SHARE, --threshold SHARE, --format FORMAT, --allow-mixed: see epsim compare --help
# A.toml and B.toml may be the same file. Exit status: that of a launch that failed, else that of
# epsim compare (4: slower by more than the gate). The program is $EPSIM, or else build/epsim, which
# is built first.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

refuse() {
    echo "epsim: $1" >&2
    exit 2
}

ranks=2
launches=5
apart=
directory=
flags_a=()
flags_b=()
compare=()
configs=()
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help)
            sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
            exit 0 ;;
        --)
            shift
            break ;;
        --apart) apart=yes ;;
        --allow-mixed) compare+=("$1") ;;
        -n | -l | -o | --a | --b | --gate | --threshold | --format)
            [ $# -ge 2 ] || refuse "$1 has no value (it needs one). See scripts/ab.sh --help"
            case $1 in
                -n) ranks=$2 ;;
                -l) launches=$2 ;;
                -o) directory=$2 ;;
                --a) read -ra flags_a <<<"$2" ;;
                --b) read -ra flags_b <<<"$2" ;;
                *) compare+=("$1" "$2") ;;
            esac
            shift ;;
        -*) refuse "unknown option '$1' (flags of epsim run stand after --). See scripts/ab.sh --help" ;;
        *) configs+=("$1") ;;
    esac
    shift
done
[ ${#configs[@]} -eq 2 ] ||
    refuse "${#configs[@]} configurations are given (A.toml and B.toml are two). Name both"
for config in "${configs[@]}"; do
    [ -f "$config" ] || refuse "cannot find $config (no such file). Name a TOML file"
done
for number in "$ranks" "$launches"; do
    [[ $number =~ ^[1-9][0-9]{0,4}$ ]] ||
        refuse "'$number' is no number of ranks or launches (a whole one from 1 up). Correct it"
done
# Launches that ran apart are worth half of the degrees of freedom only where there are enough: see
# src/measure/compare.hpp.
if [ -z "$apart" ] || [ "$launches" -ge 8 ]; then compare+=(--paired); fi

epsim=${EPSIM-}
if [ -z "$epsim" ]; then
    "$root/scripts/setup.sh"
    [ -f "$root/build/build.ninja" ] ||
        quietly "configuring build/" configure release -DEPSIM_TESTS=OFF -DEPSIM_BENCH=OFF
    quietly "building build/epsim" cmake --build "$root/build" --target epsim
    epsim=$root/build/epsim
fi

directory=${directory:-runs/ab-$(date -u +%Y%m%dT%H%M%SZ)}
[ ! -e "$directory" ] || refuse "$directory is there already (runs are never overwritten). Choose another -o"
mkdir -p "$directory" || refuse "cannot make $directory. Choose another -o"

launch() {  # SIDE NUMBER [flags]
    local side=$1 number=$2 status=0
    shift 2
    local output=$directory/$side-$number.log
    local -n flags=flags_${side,,}
    local config=${configs[0]}
    [ "$side" = A ] || config=${configs[1]}
    "$root/scripts/mpirun.sh" -n "$ranks" "$epsim" run --config "$config" "${flags[@]}" "$@" --quiet \
        --output.dir="$directory/$side/$number" >"$output" 2>&1 &
    local job=$!
    trap 'kill "$job" 2>/dev/null' TERM
    wait "$job" || status=$?
    [ "$status" -eq 0 ] && return
    cat "$output" >&2
    echo "epsim: launch $number of $side failed with status $status (see above). Nothing is compared" >&2
    return "$status"
}

for ((i = 1; i <= launches; ++i)); do
    number=$(printf '%02d' "$i")
    echo "epsim: launches $number of $launches" >&2
    if [ -n "$apart" ]; then
        order=(A B)
        [ $((i % 2)) -eq 1 ] || order=(B A)
        for side in "${order[@]}"; do
            launch "$side" "$number" "$@" || exit $?
        done
        continue
    fi
    for side in A B; do
        launch "$side" "$number" --measure.turns_file="$directory/turns-$number" "$@" &
    done
    for ((job = 0; job < 2; ++job)); do
        status=0
        wait -n || status=$?
        [ "$status" -eq 0 ] && continue
        kill $(jobs -p) 2>/dev/null || true  # the other would wait for its turn
        wait || true
        exit "$status"
    done
done
exec "$epsim" compare "${compare[@]}" "$directory/A" "$directory/B"
