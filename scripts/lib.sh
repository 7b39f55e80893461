# Sourced by the other scripts. root: the source tree; log: what the last step printed.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mkdir -p "$root/build"
log=$root/build/scripts.log

# quietly WHAT COMMAND...: run a step with its output in the log, shown only if it fails.
quietly() {
    local what=$1
    shift
    echo "epsim: $what" >&2
    if ! "$@" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "epsim: $what failed (all of it: $log). Correct that and start again" >&2
        exit 1
    fi
}

# configure PRESET [cmake arguments]
configure() {
    local preset=$1
    shift
    cmake -S "$root" --preset "$preset" "$@"
}
